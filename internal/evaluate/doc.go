// Package evaluate scores what a serving runtime really answers on the test split of a pinned dataset.
//
// Two protocols: unpaired-truth where the dataset holds test/truth (the same person photographed, or drawn, in the other
// garment), and paired (the person in the own garment; the photo is the truth) everywhere else. Whole-picture SSIM mostly
// measures the background, so every score is also taken inside the garments, and two baselines that need no network, copying
// the person and pasting the flat garment, are scored on the same cases. A case that cannot be asked or measured is an error
// of the evaluation, never a bad score.
package evaluate

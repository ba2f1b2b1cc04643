// Package synth draws virtual try-on datasets with exact ground truth, in the VITON-HD folder layout.
//
// One row is a person wearing a garment, the same garment photographed flat, and what a segmentation model, a pose
// estimator and a human annotator would have said about both; because the picture is drawn, they are right by construction.
// For the test split there is also what no public dataset has: the same person in any other garment.
//
// Where things are made: a garment's cut, fabric and print in garment; a person's body, pose and studio in person; both together,
// and the garment flat, in drape. They paint with draw and choose with dice. This package turns canvases into the files of a
// dataset, writes its lists, and injects faults.
//
// A row depends on nothing but the seed, its split and its index; the number of workers changes no byte.
package synth

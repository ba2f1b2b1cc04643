// Package judgement makes the report of a decided judgement: one JSON document and one self-contained HTML page, from the frozen
// evidence of the epoch and from what was recorded of both versions when they were evaluated.
//
// No answer is computed for it, and no shopper's photo is in it: pictures come from the golden sets of the two versions. What both sets
// hold is put side by side, ordered by disagreement. A report without pictures is still a report, and says why it has none.
//
// Where a deployment keeps captured requests of shoppers, those of the judgement are put side by side on a second page. It lies beside them,
// never in the artefact store, and goes with the oldest of them; the report says where and until when.
package judgement

// Package judgement makes the report of a decided judgement: one JSON document and one self-contained HTML page, from the frozen
// evidence of the epoch and from what was recorded of both versions when they were evaluated.
//
// No answer is computed for it, and no shopper's photo is in it: pictures come from the golden sets of the two versions. What both sets
// hold is put side by side, ordered by disagreement. A report without pictures is still a report, and says why it has none.
package judgement

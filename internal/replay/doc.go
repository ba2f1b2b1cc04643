// Package replay compares two versions of a model on requests that are known, without asking anything of a shopper: the golden requests of both,
// requests that were captured where the deployment keeps some, and the test split of the dataset that the stable one was trained on.
//
// Both versions' model servers run beside it on the loopback interface. Each request is put to both, one at a time, each version first in
// turn, so that their times are paired and disturb nothing. The pairs are judged as those of a shadow are (internal/compare) and counted in
// the same totals; these are the report. A request counts once, however many sets have it: a repetition would say nothing new about
// rates. Whoever runs it again reports under the same name, so an attempt that was cut short leaves nothing behind that counts.
//
// Of captured requests the newest are put that are still to be kept, at the stable version's resolution. Both answers are left in the file of
// each, with the epoch, for the page of the judgement; what cannot be left there costs no evidence.
package replay

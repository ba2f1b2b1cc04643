// Package rollout plans how a serving group moves from one version to the next without a failed request.
//
// It is pure: Decide takes the facts of one look at the cluster and the time, and gives one plan of intents with a reason each.
// Nothing is remembered between two looks, so a manager that is killed anywhere goes on from what it finds. The facts that carry
// a rollout are the Service's selector (which version is stable), the control document (which share the candidate has) and the
// pods' own reports (which control document they apply). What the pods of a version can carry, and which of them changes its version next
// where there is no room for both, package fleet knows.
//
//	none ──► Starting ──► Serving ──► CandidateStarting ──► Shadowing ──► Shifting ──► Promoting ──► Draining ──► Serving
//	                         ▲            │   ▲                 │             │    (selector moves)
//	                         │            ▼   │                 │             │
//	                         │      CandidateFailed ◄───────────┴─────────────┤ a candidate pod fails: weight 0, steps begin again
//	                         ├────────── Draining ◄─────────────┬─────────────┤ another version is wanted: weight 0, candidate removed
//	                     Rejected ◄───── Draining ◄─────────────┴─────────────┘ the verdict, the deadline or the user is against it
//
// The verdict comes in as a fact. Shadowing waits for it; the comparison goes on during the steps after it, and a verdict against the
// candidate takes it back from there too. A rejection rests on facts that its own first moves do not change, so it needs no memory of
// its own before it is recorded. A pause holds all of this where it is.
//
// Two choices deserve a reason. The old version is removed before the control document is cleared: its pods still hold shoppers'
// connections, and as long as they live they pass everything on to the version that has taken over. And the stable version is
// given up without steps when none of its pods has been ready for a minute: holding back a candidate that works protects nobody.
package rollout

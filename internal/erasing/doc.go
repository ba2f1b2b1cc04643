// Package erasing sees to it that captured requests never outlive what asked for them: from before the first one may be kept until all are
// erased, the TryOnDeployment has a finalizer and its status says where they may lie.
//
//	(nothing) ──spec.capture──► finalizer, status.capture: Look ──► pods look ──one can use it──► status.capture: Write ──► permit ──►
//	  pods keep requests ──spec.capture gone, moved, or object deleted──►
//	  pods without it ──► Jobs that use the place are stopped ──► nobody uses it ──► Job erases it ──► status.capture moves on or goes, finalizer goes
//
// A place that pods have only looked at has nothing in it and is left at once: docs/decisions/0011.
//
// A place that is given up is erased before the next one is taken, so that there is one at most. Pods, Jobs and Deployments that use a place
// carry its mark, by which it is known when none does any more. What cannot be erased is tried again for ever, and the condition Capturing
// says how to give up.
//
// A pass observes, decides (purely), acts and summarizes, like a controller's; the controller calls it before its own.
package erasing

// Package judging has a candidate judged for a TryOnDeployment: it keeps what the stable pods and a replay count about it in the ledger, in
// a ConfigMap, and says how the judgement stands. What is asked, and what the answer is, package judge knows; what follows from it, package
// rollout.
//
//	Observe   the question, its ledger, and what has been counted since
//	Decide    (pure) the verdict so far, for the status and for the rollout
//	Act       keep the ledger before pods are told to compare; start a replay, or clear it away
//
// Evidence that is lost is collected anew under another epoch, and said. A pod that says nothing is neither for nor against the candidate.
package judging

// Package reporting has the report of a decided judgement made by a Job and its place written into the status of the TryOnDeployment.
//
// A report is due once the history says how the judgement ended, and until the status names it. Its Job is found again by the digest of what
// it is made from, so that a manager that was killed neither forgets nor doubles it. Nothing here can hold up a rollout: what goes
// wrong is said in the condition JudgementReported, tried again for a day, and then given up.
package reporting

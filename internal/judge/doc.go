// Package judge puts the questions of a TryOnDeployment's gates to package sequential, over the evidence that its stable pods gathered
// about a candidate. It is pure: what is asked is a Case, what was seen is a ledger, and the answer is a summary for the status.
package judge

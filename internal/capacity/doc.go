// Package capacity says how many pods each version of a TryOnDeployment is to have: what spec.replicas says or, with spec.scaling, what
// package scale makes of the work that the pods say they have. It puts pods into the words of package scale and its decision into those of
// the API, and is pure; what has to be remembered from look to look comes in and goes out.
//
// There is one writer of each number. A person, an autoscaler or a repository writes spec.replicas, the operator the replicas of its
// Deployments. With scaling, raising spec.replicas is an order: so many pods are there for a scaleDownDelay, as if the work had asked for
// them. The status keeps which order was taken, so that each is taken once, also across a restart.
//
// During a rollout both versions have the same number, enough for all requests: each must be able to answer them alone, the old one until
// it is given up and the new one from then on. So the work of a candidate with a share counts as well. (Copies of requests are no work: pods do not count them.) In
// place both share the number, so the pods of both count towards it.
package capacity

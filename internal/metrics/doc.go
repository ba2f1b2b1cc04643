// Package metrics tells Prometheus what the operator alone knows: how models and deployments stand, how rollouts go and end, what evidence was
// dropped, and what work had to be begun again. What is so now is read from the objects at each scrape, so that no series outlives its object;
// what has happened is counted where it happens.
package metrics

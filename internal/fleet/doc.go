// Package fleet knows what the pods of a serving group can carry: how many of a version are ready, whether it is whole, why it is not. Where
// there is no room for two versions beside each other, it says which pod goes and which one starts in its place, one at a time.
//
// It is pure, and knows neither steps nor requests: which version gets which share of them is for package rollout to decide.
package fleet

// Package servingpod says in the words of a rollout how a serving pod is: starting, ready, broken or leaving, since when, and why. It is
// pure; what the pod said about itself is handed in.
package servingpod

// Package e2e tests the installed operator on a real cluster, after the demo has run there: what the demo left, a broken dataset, versions
// that live requests judge, a training pod killed under the training-operator, a rollout under load, replicas that follow a load, hostile
// requests, and deletion. hack/test.sh runs it.
package e2e

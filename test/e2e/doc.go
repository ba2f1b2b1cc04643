// Package e2e tests the installed operator on a real cluster, after the demo has run there: what the demo left, a broken dataset, versions
// that live or known requests judge, two pods that train together and one killed under the training-operator, a rollout under load, model
// servers killed and pods evicted under load, replicas that follow a load, hostile requests, and deletion. hack/test.sh runs it.
package e2e

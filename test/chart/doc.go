// Package chart tests the Helm chart and the kustomization with the real helm and kubectl: what they render, what their values refuse,
// that both install the same, and that a real kube-apiserver takes it.
package chart

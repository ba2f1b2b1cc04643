// Package controlclient is the operator's end of the conversation with serving pods: it reads what a sidecar does and pushes signed
// control documents. Pods are not trusted: every answer is bounded in size and time, decoded strictly, and redirects are refused.
package controlclient

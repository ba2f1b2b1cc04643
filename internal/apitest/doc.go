// Package apitest starts a real etcd and kube-apiserver with our CRDs for tests, and looks at objects that are not sent to one.
package apitest

// Package apitest starts a real etcd and kube-apiserver with our CRDs for tests.
package apitest

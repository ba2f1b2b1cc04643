// Command node holds every Kubernetes program of the local cluster in one binary, so that they share compiled code:
// etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy and kubectl. The name it is called
// by, or its first argument, chooses.
package main

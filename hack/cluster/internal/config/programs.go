package config

import (
	"time"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/process"
)

// Ports on the loopback address. Those of etcd and DNS differ from the usual ones, which a developer's machine may use.
const (
	etcdClients    = "127.0.0.1:23790"
	etcdPeers      = "127.0.0.1:23800"
	etcdMetrics    = "127.0.0.1:23810"
	dnsHealth      = "127.0.0.1:23830"
	dnsReady       = "127.0.0.1:23831"
	storageMetrics = "23840"
)

// Programs returns the programs in the order of starting, grouped: those of one group start together, and a group starts
// when the one before is ready.
func (l Layout) Programs() [][]process.Program {
	return [][]process.Program{
		{l.etcd(), l.registry(), l.containerd()},
		{l.apiServer()},
		{l.controllerManager(), l.scheduler(), l.kubeProxy(), l.dns(), l.storage(), l.kubelet()},
	}
}

func (l Layout) etcd() process.Program {
	folder := l.PKI()
	return process.Program{
		Name: "etcd", Path: l.Program("etcd"), Usual: time.Second,
		Listens: []string{etcdClients, etcdPeers, etcdMetrics},
		Ready:   process.HTTP("http://" + etcdMetrics + "/health"),
		Args: []string{
			"--name=" + NodeName, "--data-dir=" + l.Path("etcd"),
			"--listen-client-urls=https://" + etcdClients, "--advertise-client-urls=https://" + etcdClients,
			"--listen-peer-urls=https://" + etcdPeers, "--initial-advertise-peer-urls=https://" + etcdPeers,
			"--initial-cluster=" + NodeName + "=https://" + etcdPeers, "--listen-metrics-urls=http://" + etcdMetrics,
			"--client-cert-auth", "--trusted-ca-file=" + folder.Cert(etcdAuthority),
			"--cert-file=" + folder.Cert(etcdServer), "--key-file=" + folder.Key(etcdServer),
			"--peer-client-cert-auth", "--peer-trusted-ca-file=" + folder.Cert(etcdAuthority),
			"--peer-cert-file=" + folder.Cert(etcdServer), "--peer-key-file=" + folder.Key(etcdServer),
			// A killed process loses nothing, its writes are in the page cache. Only a power cut could; it would cost
			// this demonstration cluster, not data that anybody keeps in it.
			"--unsafe-no-fsync", "--log-level=warn",
		},
	}
}

func (l Layout) registry() process.Program {
	return process.Program{
		Name: "registry", Path: l.Program("registry"), Usual: time.Second,
		Listens: []string{Registry},
		Ready:   process.HTTP("http://" + Registry + "/v2/"),
		Args:    []string{"serve", l.Path("config", "registry.yaml")},
		Env:     []string{"OTEL_TRACES_EXPORTER=none", "OTEL_SDK_DISABLED=true"}, // else it looks for a collector
	}
}

func (l Layout) containerd() process.Program {
	return process.Program{
		Name: "containerd", Path: l.Program("containerd"), Usual: time.Second,
		Ready: process.Unix(l.ContainerdSocket()),
		Args:  []string{"--config", l.Path("config", "containerd.toml"), "--log-level", "warn"},
	}
}

func (l Layout) apiServer() process.Program {
	folder := l.PKI()
	return process.Program{
		Name: "kube-apiserver", Path: l.Program("kube-apiserver"), Usual: 4 * time.Second,
		Listens: []string{nodeAddress + ":" + apiPort},
		Ready:   process.HTTPS(APIServer+"/readyz", folder.Cert(authority)),
		Args: []string{
			"--bind-address=" + nodeAddress, "--secure-port=" + apiPort, "--advertise-address=" + nodeAddress,
			"--etcd-servers=https://" + etcdClients, "--etcd-cafile=" + folder.Cert(etcdAuthority),
			"--etcd-certfile=" + folder.Cert(etcdClient), "--etcd-keyfile=" + folder.Key(etcdClient),
			"--client-ca-file=" + folder.Cert(authority),
			"--tls-cert-file=" + folder.Cert(apiServer), "--tls-private-key-file=" + folder.Key(apiServer),
			"--service-account-issuer=https://kubernetes.default.svc." + ClusterDomain,
			"--service-account-key-file=" + folder.Cert(accountKey), "--service-account-signing-key-file=" + folder.Key(accountKey),
			"--service-cluster-ip-range=" + serviceRange, "--authorization-mode=Node,RBAC",
			"--enable-admission-plugins=NodeRestriction", "--allow-privileged",
			"--kubelet-preferred-address-types=InternalIP", "--kubelet-certificate-authority=" + folder.Cert(authority),
			"--kubelet-client-certificate=" + folder.Cert(kubeletClient), "--kubelet-client-key=" + folder.Key(kubeletClient),
			"--requestheader-client-ca-file=" + folder.Cert(proxyCA), "--requestheader-allowed-names=" + proxyClient,
			"--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group",
			"--requestheader-username-headers=X-Remote-User",
			"--proxy-client-cert-file=" + folder.Cert(proxyClient), "--proxy-client-key-file=" + folder.Key(proxyClient),
			"--enable-aggregator-routing=true", // to pods, because this process has no link into a service's address
			"--profiling=false", "--shutdown-delay-duration=0s",
		},
	}
}

func (l Layout) controllerManager() process.Program {
	folder, kubeconfig := l.PKI(), l.Kubeconfig(controllerManager)
	return process.Program{
		Name: controllerManager, Path: l.Program(controllerManager), Usual: 3 * time.Second,
		Listens: []string{"127.0.0.1:10257"},
		Ready:   process.HTTPS("https://127.0.0.1:10257/healthz", folder.Cert(authority)),
		Args: append(l.secured(kubeconfig, "10257"),
			"--use-service-account-credentials", "--service-account-private-key-file="+folder.Key(accountKey),
			"--root-ca-file="+folder.Cert(authority),
			"--cluster-signing-cert-file="+folder.Cert(authority), "--cluster-signing-key-file="+folder.Key(authority),
			"--allocate-node-cidrs=false", "--service-cluster-ip-range="+serviceRange,
			"--flex-volume-plugin-dir="+l.Path("kubelet", "volume-plugins"),
		),
	}
}

func (l Layout) scheduler() process.Program {
	return process.Program{
		Name: scheduler, Path: l.Program(scheduler), Usual: 3 * time.Second,
		Listens: []string{"127.0.0.1:10259"},
		Ready:   process.HTTPS("https://127.0.0.1:10259/healthz", l.PKI().Cert(authority)),
		Args:    l.secured(l.Kubeconfig(scheduler), "10259"),
	}
}

// secured are the arguments that the controller manager and the scheduler share. A cluster of one needs no elections.
func (l Layout) secured(kubeconfig, port string) []string {
	folder := l.PKI()
	return []string{
		"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1", "--secure-port=" + port, "--leader-elect=false", "--profiling=false",
		"--tls-cert-file=" + folder.Cert(nodeServer), "--tls-private-key-file=" + folder.Key(nodeServer),
	}
}

func (l Layout) kubeProxy() process.Program {
	return process.Program{
		Name: kubeProxy, Path: l.Program(kubeProxy), Usual: 3 * time.Second,
		Listens: []string{"127.0.0.1:10256", "127.0.0.1:10249"},
		Ready:   process.HTTP("http://127.0.0.1:10256/livez"), // healthz wants a node, which is not there yet
		Args:    []string{"--config=" + l.Path("config", "kube-proxy.yaml")},
	}
}

func (l Layout) dns() process.Program {
	return process.Program{
		Name: dns, Path: l.Program(dns), Usual: 3 * time.Second,
		Listens: []string{nodeAddress + ":53", dnsHealth, dnsReady},
		Ready:   process.HTTP("http://" + dnsReady + "/ready"),
		Args:    []string{"-conf", l.Path("config", "Corefile")},
	}
}

func (l Layout) storage() process.Program {
	return process.Program{
		Name: storage, Path: l.Program(storage), Usual: 3 * time.Second,
		Listens: []string{"127.0.0.1:" + storageMetrics},
		Ready:   process.HTTP("http://127.0.0.1:" + storageMetrics + "/metrics"),
		Args:    []string{"--root=" + l.Path("volumes"), "--kubeconfig=" + l.Kubeconfig(storage), "--metrics-port=" + storageMetrics},
	}
}

func (l Layout) kubelet() process.Program {
	return process.Program{
		Name: kubelet, Path: l.Program(kubelet), Usual: 4 * time.Second,
		Listens: []string{nodeAddress + ":10250", "127.0.0.1:10248"},
		Ready:   process.HTTP("http://127.0.0.1:10248/healthz"),
		Args: []string{
			"--config=" + l.Path("config", "kubelet.yaml"), "--kubeconfig=" + l.Kubeconfig(kubelet),
			"--root-dir=" + l.Path("kubelet"), "--hostname-override=" + NodeName, "--node-ip=" + nodeAddress,
			"--housekeeping-interval=30s", "--cert-dir=" + l.Path("pki"),
		},
	}
}

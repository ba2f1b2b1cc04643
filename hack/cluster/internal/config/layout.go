package config

import (
	"net/netip"
	"path/filepath"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/pki"
)

// Names and addresses of the cluster. The node's address belongs to a bridge of ours, so it is the same on every network
// and nothing of the control plane listens on the machine's own addresses.
const (
	Context       = "tryon-local"
	NodeName      = "tryon-node"
	Bridge        = "tryon0"
	Cgroup        = "tryon-cluster"
	Network       = "tryon-cluster" // of the pods, as the network plugins know it
	ClusterDomain = "cluster.local"
	Registry      = "127.0.0.1:5001"
	PauseImage    = Registry + "/tryon-cluster/pause:1"

	nodeAddress    = "10.244.1.1"
	podGateway     = "10.244.0.1" // of every pod's link
	podRange       = "10.244.0.0/24"
	serviceRange   = "10.96.0.0/16"
	serviceAddress = "10.96.0.1" // of the API server inside the cluster
	apiPort        = "6443"
)

// Addresses as values.
var (
	NodeAddress  = netip.MustParseAddr(nodeAddress)
	PodGateway   = netip.MustParseAddr(podGateway)
	PodRange     = netip.MustParsePrefix(podRange)
	ServiceRange = netip.MustParsePrefix(serviceRange)
)

// APIServer is where the API server listens.
const APIServer = "https://" + nodeAddress + ":" + apiPort

// Tables are the nftables tables of kube-proxy and of the network plugins.
var Tables = []string{
	"ip kube-proxy", "ip6 kube-proxy",
	"inet cni_plugins_masquerade", "ip cni_hostport", "ip6 cni_hostport",
}

// Sysctls are the kernel settings that kubelet, kube-proxy and the network plugins change.
var Sysctls = []string{
	"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv4/conf/all/route_localnet",
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
	"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
	"net/netfilter/nf_conntrack_max", "net/netfilter/nf_conntrack_tcp_be_liberal",
	"net/netfilter/nf_conntrack_tcp_timeout_established", "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
}

// FixedFolders are folders outside of the state that kubelet or containerd make at a path nobody can choose.
// Those that were not there before the cluster go with it, when nothing but the cluster's own is in them.
var FixedFolders = []string{
	"/var/log/containers", "/var/lib/kubelet/device-plugins", "/var/lib/kubelet",
	"/run/containerd/s", "/run/containerd/fifo", "/run/containerd", "/var/lib/cni/results", "/var/lib/cni", "/opt/containerd",
}

// Layout names the folders of one cluster.
type Layout struct {
	State string // what it writes while it runs
	Build string // the programs
}

// Path joins elements below the state.
func (l Layout) Path(elements ...string) string {
	return filepath.Join(append([]string{l.State}, elements...)...)
}

// Program is the path of a built program.
func (l Layout) Program(name string) string { return filepath.Join(l.Build, "bin", name) }

// Plugins is the folder of the network plugins.
func (l Layout) Plugins() string { return filepath.Join(l.Build, "cni") }

// PKI is the folder of certificates.
func (l Layout) PKI() pki.Folder { return pki.Folder(l.Path("pki")) }

// Kubeconfig is the path of one user's kubeconfig.
func (l Layout) Kubeconfig(user string) string { return l.Path("config", user+".kubeconfig") }

// ContainerdSocket is where containerd listens; shims carry it as an argument, which makes them recognisable.
func (l Layout) ContainerdSocket() string { return l.Path("run", "containerd.sock") }

// Folders are made before anything is written. Pods reach their volumes through mounts only, so nobody else may enter.
func (l Layout) Folders() []string {
	return []string{
		l.Path("config", "cni"), l.Path("run", "pids"), l.Path("run", "s"), l.Path("logs", "pods"), l.Path("etcd"),
		l.Path("containerd", "opt"), l.Path("kubelet"), l.Path("cni"), l.Path("registry"), l.Path("volumes"),
	}
}

// Users of the API server, by the name of their certificate and kubeconfig.
const (
	admin             = "admin"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	kubelet           = "kubelet"
	kubeProxy         = "kube-proxy"
	dns               = "dns"
	storage           = "storage"
)

var users = map[string]pki.Certificate{
	admin:             {CommonName: "tryon-admin", Organization: "system:masters"},
	controllerManager: {CommonName: "system:kube-controller-manager"},
	scheduler:         {CommonName: "system:kube-scheduler"},
	kubelet:           {CommonName: "system:node:" + NodeName, Organization: "system:nodes"},
	kubeProxy:         {CommonName: "system:kube-proxy"},
	dns:               {CommonName: "tryon:dns"},
	storage:           {CommonName: "tryon:storage"},
}

// Names of the certificates that are no user's. etcd has an authority of its own: whoever writes to it is above all
// rules of the API server, so a certificate that the cluster signs must not open it.
const (
	authority     = "ca"
	etcdAuthority = "etcd-ca"
	proxyCA       = "front-proxy-ca"
	proxyClient   = "front-proxy-client"
	etcdServer    = "etcd"
	etcdClient    = "etcd-client"
	apiServer     = "kube-apiserver"
	kubeletClient = "kubelet-client"
	nodeServer    = "node"
	accountKey    = "service-accounts"
)

// MakeCertificates makes what is missing of the cluster's certificates.
func (l Layout) MakeCertificates() error {
	certificates := []pki.Certificate{
		{Name: etcdServer, Authority: etcdAuthority, CommonName: etcdServer, Hosts: []string{"127.0.0.1", "localhost"}},
		{Name: etcdClient, Authority: etcdAuthority, CommonName: etcdClient},
		{Name: proxyClient, Authority: proxyCA, CommonName: proxyClient},
		{Name: apiServer, Authority: authority, CommonName: apiServer, Hosts: []string{
			nodeAddress, serviceAddress, "127.0.0.1", "localhost", "kubernetes", "kubernetes.default",
			"kubernetes.default.svc", "kubernetes.default.svc." + ClusterDomain,
		}},
		{Name: kubeletClient, Authority: authority, CommonName: kubeletClient, Organization: "system:masters"},
		{Name: nodeServer, Authority: authority, CommonName: "system:node-server", Hosts: []string{nodeAddress, "127.0.0.1", NodeName}},
	}
	for name, certificate := range users {
		certificate.Name, certificate.Authority = name, authority
		certificates = append(certificates, certificate)
	}
	return l.PKI().Ensure([]string{authority, etcdAuthority, proxyCA}, accountKey, certificates)
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// provisionerName is what the StorageClass of the local cluster names.
const provisionerName = "tryon.braincreators.com/local"

func main() {
	root := flag.String("root", "", "folder that holds one folder per volume")
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of the provisioner")
	port := flag.Int("metrics-port", 0, "port of the metrics on the loopback address")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *root, *kubeconfig, int32(*port)); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, root, kubeconfig string, port int32) error {
	if !filepath.IsAbs(root) {
		return fmt.Errorf("--root %q is not an absolute path", root)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("reading kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making client: %w", err)
	}
	controller.NewProvisionController(ctx, client, provisionerName, folders{root: root},
		controller.LeaderElection(false), controller.MetricsAddress("127.0.0.1"), controller.MetricsPort(port)).Run(ctx)
	return nil
}

// folders makes every volume a folder of one directory of this machine.
type folders struct{ root string }

var _ controller.Provisioner = folders{}

// Provision makes the volume's folder, writable for every user because hostPath volumes ignore fsGroup
// and our pods run as non-root users. The folder's parent admits root only.
func (f folders) Provision(_ context.Context, o controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	if o.PVC.Spec.Selector != nil {
		return nil, controller.ProvisioningFinished, errors.New("claims with a selector are not supported")
	}
	path := filepath.Join(f.root, strings.Join([]string{o.PVC.Namespace, o.PVC.Name, o.PVName}, "_"))
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, fmt.Errorf("making volume folder: %w", err)
	}
	if err := os.Chmod(path, 0o777); err != nil { // MkdirAll is subject to the umask
		return nil, controller.ProvisioningFinished, fmt.Errorf("opening volume folder: %w", err)
	}
	directory := corev1.HostPathDirectory
	reclaim := corev1.PersistentVolumeReclaimDelete
	if o.StorageClass.ReclaimPolicy != nil {
		reclaim = *o.StorageClass.ReclaimPolicy
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: reclaim,
			AccessModes:                   o.PVC.Spec.AccessModes,
			VolumeMode:                    o.PVC.Spec.VolumeMode,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: o.PVC.Spec.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &directory},
			},
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes the volume's folder, and refuses a path that is not a direct child of the root.
func (f folders) Delete(_ context.Context, volume *corev1.PersistentVolume) error {
	source := volume.Spec.HostPath
	if source == nil || filepath.Dir(filepath.Clean(source.Path)) != filepath.Clean(f.root) {
		return fmt.Errorf("volume %s is not one of ours", volume.Name)
	}
	if err := os.RemoveAll(source.Path); err != nil {
		return fmt.Errorf("removing volume folder: %w", err)
	}
	return nil
}

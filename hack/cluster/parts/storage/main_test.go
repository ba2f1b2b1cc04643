package main

import (
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

func claim() controller.ProvisionOptions {
	return controller.ProvisionOptions{PVName: "pv-1", StorageClass: &storagev1.StorageClass{}, PVC: &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}}
}

func TestAVolumeIsAFolderThatEveryUserCanWrite(t *testing.T) {
	provisioner := folders{root: t.TempDir()}
	volume, _, err := provisioner.Provision(t.Context(), claim())
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(volume.Spec.HostPath.Path)
	if err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("mode = %v, %v", info.Mode(), err)
	}
	if got := volume.Spec.Capacity[corev1.ResourceStorage]; got.String() != "1Gi" || volume.Spec.AccessModes[0] != corev1.ReadWriteMany {
		t.Errorf("volume offers %s, %v", got.String(), volume.Spec.AccessModes)
	}
	if err := provisioner.Delete(t.Context(), volume); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(volume.Spec.HostPath.Path); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestTheReclaimPolicyOfTheClassIsHonoured(t *testing.T) {
	retain := corev1.PersistentVolumeReclaimRetain
	options := claim()
	options.StorageClass.ReclaimPolicy = &retain
	volume, _, err := folders{root: t.TempDir()}.Provision(t.Context(), options)
	if err != nil || volume.Spec.PersistentVolumeReclaimPolicy != retain {
		t.Errorf("got %v, %v", volume.Spec.PersistentVolumeReclaimPolicy, err)
	}
}

func TestAClaimWithASelectorIsRefused(t *testing.T) {
	options := claim()
	options.PVC.Spec.Selector = &metav1.LabelSelector{}
	if _, _, err := (folders{root: t.TempDir()}).Provision(t.Context(), options); err == nil {
		t.Error("no error")
	}
}

func TestOnlyDirectChildrenOfTheRootAreDeleted(t *testing.T) {
	parent := t.TempDir()
	provisioner := folders{root: filepath.Join(parent, "volumes")}
	for name, source := range map[string]*corev1.HostPathVolumeSource{
		"no path":       nil,
		"the root":      {Path: provisioner.root},
		"outside":       {Path: filepath.Join(parent, "other")},
		"dots":          {Path: provisioner.root + "/../other"},
		"a grandchild":  {Path: filepath.Join(provisioner.root, "a", "b")},
		"another drive": {Path: "/etc"},
	} {
		volume := &corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: source}}}
		if err := provisioner.Delete(t.Context(), volume); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

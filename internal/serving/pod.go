package serving

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// Where a serving pod sees its data.
const (
	weightsDir = "/weights"
	// treeDir is a folder below the mount, because the puller makes it visible by a rename.
	treeDir      = weightsDir + "/tree"
	controlDir   = "/control"
	catalogueDir = "/catalogue"
)

// Names of the ports of a serving pod.
const (
	portShopper = "http"
	portOps     = "ops"
)

const (
	// drainQuiet is how long nothing may come before a drain ends: what Services need to stop sending.
	drainQuiet = 5 * time.Second
	// drainSlack is what a drain may take on top of the longest request, and stopSlack what the stop of sidecar and runtime may take
	// on top of the drain.
	drainSlack = 30 * time.Second
	stopSlack  = 30 * time.Second
)

// Places are how many pods a version has, and how many there are to be: in place two versions share those.
type Places struct{ Taken, All int32 }

// MakeDeployment builds the Deployment of one version. A change of the pods, such as another runtime image, rolls with
// full capacity, or, in place, with one pod less.
func (c Config) MakeDeployment(tod *v1alpha1.TryOnDeployment, version Version, places Places) (*appsv1.Deployment, error) {
	capture, err := resources.CaptureOf(tod, c.Store)
	if err != nil {
		return nil, err
	}
	spec, err := c.makePod(tod, version, capture)
	if err != nil {
		return nil, err
	}
	labels := VersionLabels(tod.Name, version.Name)
	annotations := map[string]string{names.AnnotationWeights: string(version.Weights)}
	template := metav1.ObjectMeta{Labels: labels, Annotations: maps.Clone(annotations)}
	annotations[names.AnnotationBuilt] = c.Built(tod)
	capture.Sign(&template)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name: names.Serving(tod.Name, version.Name), Namespace: tod.Namespace, Labels: labels, Annotations: annotations,
		},
		Spec: appsv1.DeploymentSpec{
			Replicas:                ptr.To(places.Taken),
			RevisionHistoryLimit:    ptr.To[int32](1),
			ProgressDeadlineSeconds: ptr.To[int32](600),
			Selector:                &metav1.LabelSelector{MatchLabels: Selector(tod.Name, version.Name)},
			Strategy:                appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: rolling(tod.Spec.Rollout.Strategy, places)},
			Template:                corev1.PodTemplateSpec{ObjectMeta: template, Spec: spec},
		},
	}, nil
}

// rolling says how changed pods of one version replace each other. In place there is no room beside them, but while two versions share the
// places, each waits for room: a pod of both at once may not be missing.
func rolling(strategy v1alpha1.RolloutStrategy, places Places) *appsv1.RollingUpdateDeployment {
	unavailable, surge := int32(0), int32(1)
	if strategy == v1alpha1.StrategyInPlace && places.Taken >= 2 && places.Taken == places.All {
		unavailable, surge = 1, 0
	}
	return &appsv1.RollingUpdateDeployment{MaxUnavailable: ptr.To(intstr.FromInt32(unavailable)), MaxSurge: ptr.To(intstr.FromInt32(surge))}
}

func (c Config) makePod(tod *v1alpha1.TryOnDeployment, version Version, capture resources.Capture) (corev1.PodSpec, error) {
	weights := corev1.VolumeMount{Name: "weights", MountPath: weightsDir}
	builder := resources.Config{WorkerImage: c.Images.Worker, RuntimeImage: c.Images.Runtime, Store: c.Store}
	pull, err := builder.MakePull(version.Weights, treeDir, weights)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	catalogue, err := catalogueOf(tod.Spec.Catalogue)
	if err != nil {
		return corev1.PodSpec{}, err
	}
	weights.ReadOnly = true
	volumes := append([]corev1.Volume{
		{Name: "weights", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "control", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: names.Control(tod.Name)},
		}}},
	}, append(c.Store.Volumes(), catalogue.volumes...)...)
	inits := []corev1.Container{pull, c.makeRuntime(tod, weights)}
	spec := resources.MakePodSpec(tod.Spec.Placement, volumes, inits, c.makeSidecar(tod, version.Name, catalogue, weights))
	sidecar := &spec.Containers[0]
	if err := bound(sidecar, tod.Spec.Sidecar.Resources); err != nil {
		return corev1.PodSpec{}, err
	}
	sidecar.Command = append(sidecar.Command, capture.Flags()...)
	capture.Open(sidecar)
	capture.Await(&spec, sidecar, tod.Name)
	spec.Volumes = append(spec.Volumes, capture.Volumes()...)
	resources.ShareClaims(&spec)
	spec.TerminationGracePeriodSeconds = ptr.To(int64((drainTimeout(tod) + stopSlack).Seconds()))
	spec.TopologySpreadConstraints = spread(tod.Name, version.Name)
	return spec, nil
}

func (c Config) makeRuntime(tod *v1alpha1.TryOnDeployment, weights corev1.VolumeMount) corev1.Container {
	runtime := resources.MakeContainer(names.ContainerRuntime, c.runtimeImage(tod), []string{
		"/tryon-runtime", "--model-dir", treeDir, "--listen", fmt.Sprintf("127.0.0.1:%d", names.PortRuntime), "--ort", "/usr/lib/libonnxruntime.so",
		"--request-timeout", RequestTimeout(tod).String(),
	}, weights)
	runtime.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	// Loading a large graph may take minutes; the sidecar is started after it.
	runtime.StartupProbe = &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/tryon-runtime", "health"}}},
		PeriodSeconds: 2, TimeoutSeconds: 5, FailureThreshold: 150,
	}
	runtime.Resources = demands(tod.Spec.Runtime.Resources, resources.ServerDemand())
	runtime.Command = append(runtime.Command, resources.RuntimeThreads(runtime.Resources)...)
	return runtime
}

func (c Config) runtimeImage(tod *v1alpha1.TryOnDeployment) string {
	if tod.Spec.Runtime.Image != "" {
		return tod.Spec.Runtime.Image
	}
	return c.Images.Runtime
}

func (c Config) makeSidecar(tod *v1alpha1.TryOnDeployment, version string, catalogue catalogue, weights corev1.VolumeMount) corev1.Container {
	command := []string{
		"/tryon-sidecar",
		"--listen", fmt.Sprintf(":%d", names.PortShopper),
		"--ops", fmt.Sprintf(":%d", names.PortOps),
		"--runtime", fmt.Sprintf("http://127.0.0.1:%d", names.PortRuntime),
		"--weights", treeDir,
		"--control", controlDir + "/" + control.Key,
		"--version", version,
		"--request-timeout", RequestTimeout(tod).String(),
		"--drain-quiet", drainQuiet.String(),
		"--drain-timeout", drainTimeout(tod).String(),
	}
	if most := tod.Spec.Sidecar.MaxBatch; most > 0 {
		command = append(command, "--max-batch", strconv.Itoa(int(most)))
	}
	if catalogue.uri != "" {
		command = append(command, "--catalogue", catalogue.uri)
	}
	mounts := append([]corev1.VolumeMount{weights, {Name: "control", MountPath: controlDir, ReadOnly: true}}, catalogue.mounts...)
	sidecar := resources.MakeContainer(names.ContainerSidecar, c.Images.Sidecar, command, mounts...)
	sidecar.Env = append(sidecar.Env,
		corev1.EnvVar{Name: control.EnvPodUID, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.uid"}}},
		corev1.EnvVar{Name: control.EnvPublicKey, Value: control.FormatPublicKey(c.Key)},
	)
	sidecar.Env = append(sidecar.Env, resources.MakeCredentials(catalogue.secret)...)
	sidecar.Ports = []corev1.ContainerPort{
		{Name: portShopper, ContainerPort: names.PortShopper, Protocol: corev1.ProtocolTCP},
		{Name: portOps, ContainerPort: names.PortOps, Protocol: corev1.ProtocolTCP},
	}
	sidecar.ReadinessProbe = probe("/readyz", 2, 3)
	// A busy pod answers late; only one that is stuck for a minute is started again.
	sidecar.LivenessProbe = probe("/healthz", 10, 6)
	return sidecar
}

func drainTimeout(tod *v1alpha1.TryOnDeployment) time.Duration {
	return RequestTimeout(tod) + drainSlack
}

func probe(path string, period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString(portOps), Scheme: corev1.URISchemeHTTP}},
		PeriodSeconds: period, TimeoutSeconds: 5, FailureThreshold: failures,
	}
}

// demands are the resources of a container: the user's, or the usual ones.
func demands(wanted *v1alpha1.ResourceRequirements, usual corev1.ResourceRequirements) corev1.ResourceRequirements {
	if wanted == nil {
		return usual
	}
	return corev1.ResourceRequirements{Requests: wanted.Requests.DeepCopy(), Limits: wanted.Limits.DeepCopy()}
}

// spread keeps the pods of a version on different nodes and zones where there are some.
func spread(deployment, version string) []corev1.TopologySpreadConstraint {
	var all []corev1.TopologySpreadConstraint
	for _, key := range []string{corev1.LabelTopologyZone, corev1.LabelHostname} {
		all = append(all, corev1.TopologySpreadConstraint{
			MaxSkew: 1, TopologyKey: key, WhenUnsatisfiable: corev1.ScheduleAnyway,
			LabelSelector: &metav1.LabelSelector{MatchLabels: Selector(deployment, version)},
		})
	}
	return all
}

// catalogue is the garments' folder as the sidecar sees it; its zero value is none.
type catalogue struct {
	uri     string
	secret  string
	volumes []corev1.Volume
	mounts  []corev1.VolumeMount
}

// catalogueOf reads the spec's source. Every error wraps resources.ErrStore.
func catalogueOf(source v1alpha1.BlobSource) (catalogue, error) {
	if source.URI == "" {
		return catalogue{}, nil
	}
	u, err := url.Parse(source.URI)
	if err != nil {
		return catalogue{}, fmt.Errorf("%w: catalogue: %w", resources.ErrStore, err)
	}
	switch u.Scheme {
	case "s3":
		return catalogue{uri: source.URI, secret: source.SecretRef.Name}, nil
	case "pvc":
		if u.RawQuery != "" {
			return catalogue{}, fmt.Errorf("%w: catalogue %q: a pvc:// source takes no options; remove everything from '?'", resources.ErrStore, source.URI)
		}
		return catalogue{
			uri: "file://" + catalogueDir,
			volumes: []corev1.Volume{{Name: "catalogue", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: u.Host},
			}}},
			mounts: []corev1.VolumeMount{{
				Name: "catalogue", MountPath: catalogueDir, ReadOnly: true, SubPath: strings.TrimPrefix(path.Clean("/"+u.Path), "/"),
			}},
		}, nil
	}
	return catalogue{}, fmt.Errorf("%w: catalogue %q is neither pvc:// nor s3://", resources.ErrStore, source.URI)
}

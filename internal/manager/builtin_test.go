package manager

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/pipelines/methods"
)

func TestTheBuiltInMethodsAreWellFormed(t *testing.T) {
	all, err := readMethods(methods.Files)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range all {
		found[m.Name] = true
		if _, err := plan.Stages(m.Spec, nil, "trainer:1"); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	for _, name := range []string{"pf-afn", "pf-afn-demo"} {
		if !found[name] {
			t.Errorf("there is no method %s", name)
		}
	}
}

// choosy is a cluster that refuses a method some times, and counts how often each is applied.
type choosy struct {
	client.Client
	refuses map[string]int
	applied map[string]int
}

func (c *choosy) Get(_ context.Context, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: "tryonmethods"}, key.Name)
}

func (c *choosy) Apply(_ context.Context, method runtime.ApplyConfiguration, _ ...client.ApplyOption) error {
	named, ok := method.(interface{ GetName() string })
	if !ok {
		return errors.New("applied is something without a name")
	}
	name := named.GetName()
	c.applied[name]++
	if c.applied[name] <= c.refuses[name] {
		return errors.New("admission webhook denied the request")
	}
	return nil
}

func TestARefusedMethodIsTriedAgainAndStopsNothing(t *testing.T) {
	scheme := apitest.Scheme(t)
	method := func(name string) (m v1alpha1.TryOnMethod) { m.Name = name; return m }
	synctest.Test(t, func(t *testing.T) {
		cluster := &choosy{refuses: map[string]int{"refused": 3, "never": 1000}, applied: map[string]int{}}
		installer := &methodInstaller{client: cluster, scheme: scheme, methods: []v1alpha1.TryOnMethod{method("refused"), method("fine"), method("never")}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- installer.Start(ctx) }()
		<-time.After(time.Hour)
		synctest.Wait()
		if got := cluster.applied; got["refused"] != 4 || got["fine"] != 1 || got["never"] < 15 || got["never"] > 25 {
			t.Errorf("within an hour the methods were applied %v", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the manager would end with %v", err)
		}
	})
}

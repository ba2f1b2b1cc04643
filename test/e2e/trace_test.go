//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/hack/shoppers"
	"github.com/braincreators/tryon-operator/internal/apitest"
)

// moment is how the deployment is at some second.
type moment struct {
	at, rate        float64
	replicas, ready int32
	backlog         float64
}

// trace follows a deployment and writes down every second of it.
type trace struct {
	t      *testing.T
	cancel context.CancelFunc
	done   sync.WaitGroup
	// seen has every moment once, for whoever waits for something.
	seen    chan moment
	moments []moment
}

func follow(t *testing.T, k *kube.Cluster, name string, crowd *shoppers.Crowd) *trace {
	ctx, cancel := context.WithCancel(t.Context())
	tr := &trace{t: t, cancel: cancel, seen: make(chan moment)}
	t.Cleanup(func() { tr.stop() })
	begin := time.Now()
	tr.done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			tod := named(&v1alpha1.TryOnDeployment{}, name)
			if err := k.Get(ctx, client.ObjectKeyFromObject(tod), tod); err != nil || tod.Status.Scaling == nil {
				continue
			}
			m := moment{at: time.Since(begin).Seconds(), rate: 1 / crowd.Every().Seconds(), replicas: tod.Status.Scaling.Desired}
			m.ready, m.backlog = loadOf(ctx, k, name)
			tr.moments = append(tr.moments, m)
			select {
			case tr.seen <- m:
			default:
			}
		}
	})
	return tr
}

// await waits until something was so for a while, at every second of it.
func (tr *trace) await(t *testing.T, what string, limit, while time.Duration, so func(moment) bool) {
	t.Helper()
	over := time.After(limit)
	since := -1.0
	var last moment
	for {
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-over:
			t.Fatalf("%s for %s was not seen within %s; the last: %+v", what, while, limit, last)
		case last = <-tr.seen:
		}
		switch {
		case !so(last):
			since = -1
		case since < 0:
			since = last.at
		case last.at-since >= while.Seconds():
			return
		}
	}
}

// stop ends the trace and writes it where bench/scale draws it from.
func (tr *trace) stop() []moment {
	tr.cancel()
	tr.done.Wait()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"seconds", "rate", "replicas", "ready", "backlog"}}
	figure := func(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }
	for _, m := range tr.moments {
		rows = append(rows, []string{figure(m.at), figure(m.rate), fmt.Sprint(m.replicas), fmt.Sprint(m.ready), figure(m.backlog)})
	}
	folder := filepath.Join(apitest.Root(tr.t), "out", "e2e")
	if err := w.WriteAll(rows); err != nil {
		tr.t.Errorf("writing the trace: %v", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		tr.t.Errorf("writing the trace: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "scaling.csv"), b.Bytes(), 0o644); err != nil {
		tr.t.Errorf("writing the trace: %v", err)
	}
	return tr.moments
}

// checkTrace sees that the replicas went out and in again, once each: no step back on either way, and none taken away before the load fell.
func checkTrace(t *testing.T, moments []moment) {
	t.Helper()
	var most, ready int32
	var backlog float64
	early, numbers := false, []int32{1}
	for _, m := range moments {
		if m.replicas != numbers[len(numbers)-1] {
			numbers = append(numbers, m.replicas)
		}
		most, ready, backlog = max(most, m.replicas), max(ready, m.ready), max(backlog, m.backlog)
		early = early || m.rate > moments[len(moments)-1].rate && m.replicas < most
	}
	t.Logf("replicas: %v; at most %d pods were ready, and the mean backlog was %.1f s", numbers, ready, backlog)
	if early {
		t.Error("replicas were taken away before the load fell")
	}
	if most < 2 || ready < 2 {
		t.Errorf("at most %d replicas were wanted and %d ready, want at least 2", most, ready)
	}
	top := slices.Index(numbers, most)
	out, in := numbers[:top+1], slices.Clone(numbers[top:])
	slices.Reverse(in)
	if !slices.IsSorted(out) || !slices.IsSorted(in) || numbers[len(numbers)-1] != 1 {
		t.Errorf("the replicas were %v, want more and more, and then fewer and fewer until one is left", numbers)
	}
}

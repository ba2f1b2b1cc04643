package controlclient

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/sidecar"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// pod serves handler and gives a client that takes it for a pod.
func pod(t *testing.T, handler http.HandlerFunc) (*Client, Target, ed25519.PublicKey) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	c := New(private, func() time.Time { return now })
	if c.port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	return c, Target{IP: host, UID: "5f2a9f2e"}, private.Public().(ed25519.PublicKey)
}

func TestAPushIsSignedForItsPodAndCarriesTheDocument(t *testing.T) {
	want := control.New(7, &control.Candidate{Version: "tops-v2", Address: "http://storefront-tops-v2.ns.svc:8080", Weight: 10})
	var got control.Document
	var verify error
	var public ed25519.PublicKey
	c, target, key := pod(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPut || r.URL.Path != "/control" {
			t.Errorf("%s %s, %v", r.Method, r.URL, err)
		}
		verify = control.Verify(r.Header, public, "5f2a9f2e", now, body)
		got, err = control.Decode(body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	public = key
	if err := c.Push(context.Background(), target, want); err != nil {
		t.Fatal(err)
	}
	if verify != nil {
		t.Errorf("signature: %v", verify)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

func TestWhatAPodSaysOfItsCatalogueIsOnePrintableLine(t *testing.T) {
	c, target, _ := pod(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"schema":"tryon.control-status/v1","generation":7,"catalogue":{"trouble":"no\u001b[2J\nbucket`+strings.Repeat("x", 4000)+`"}}`)
	})
	got, err := c.Status(context.Background(), target)
	if err != nil || got.Catalogue == nil || !strings.HasPrefix(got.Catalogue.Trouble, "no [2J bucketx") || len(got.Catalogue.Trouble) > maxWords {
		t.Errorf("got %+v, %v", got.Catalogue, err)
	}
}

func TestWhatAPodSaysOfItsCapturesIsOnePrintableLine(t *testing.T) {
	c, target, _ := pod(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"schema":"tryon.control-status/v1","generation":7,"capture":{"trouble":"no\u001b[2J\nright`+strings.Repeat("x", 4000)+`"}}`)
	})
	got, err := c.Status(context.Background(), target)
	if err != nil || got.Capture == nil || !strings.HasPrefix(got.Capture.Trouble, "no [2J rightx") || len(got.Capture.Trouble) > maxWords {
		t.Errorf("got %+v, %v", got.Capture, err)
	}
}

func TestAStatusIsRead(t *testing.T) {
	c, target, _ := pod(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"schema":"tryon.control-status/v1","generation":7,"version":"tops-v1","ready":true}`)
	})
	got, err := c.Status(context.Background(), target)
	want := control.Status{Schema: control.StatusSchema, Generation: 7, Version: "tops-v1", Ready: true}
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v, %s", err, cmp.Diff(want, got))
	}
}

func TestNonsenseIsAnErrorAndNotAStatus(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"another schema": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"schema":"x"}`) },
		"an error":       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/control", http.StatusFound)
		},
		"an endless answer": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"schema":"tryon.control-status/v1","version":"`)
			for range 100 {
				_, _ = io.WriteString(w, strings.Repeat("a", 64<<10))
			}
		},
		"a silent pod": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, target, _ := pod(t, handler)
			c.http.Timeout = 300 * time.Millisecond
			if _, err := c.Status(context.Background(), target); !errors.Is(err, ErrPod) {
				t.Errorf("error %v, want one that wraps %v", err, ErrPod)
			}
		})
	}
}

func TestALongAnswerIsReadNoFurtherThanItMayBe(t *testing.T) {
	const all, chunk = 128 << 20, 64 << 10
	sent := make(chan int, 1)
	c, target, _ := pod(t, func(w http.ResponseWriter, _ *http.Request) {
		n, text := 0, strings.Repeat(" ", chunk)
		for err := error(nil); err == nil && n < all; n += chunk {
			_, err = io.WriteString(w, text)
		}
		sent <- n
	})
	if _, err := c.Status(t.Context(), target); !errors.Is(err, ErrPod) {
		t.Errorf("error %v, want one that wraps %v", err, ErrPod)
	}
	// The kernel takes some megabytes that nobody reads.
	if n := <-sent; n > all/2 {
		t.Errorf("%d of %d bytes were taken", n, all)
	}
}

func TestARefusedPushSaysWhy(t *testing.T) {
	c, target, _ := pod(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the signature\x00 does\nnot match", http.StatusForbidden)
	})
	err := c.Push(context.Background(), target, control.New(1, nil))
	if !errors.Is(err, ErrPod) || !strings.Contains(err.Error(), "403 Forbidden: the signature does not match") {
		t.Errorf("error %v", err)
	}
}

func TestAnUnreadyPodSaysWhyInOneBoundedLine(t *testing.T) {
	for name, tt := range map[string]struct {
		code int
		body string
		want string
	}{
		"ready":        {http.StatusOK, "ok", ""},
		"golden":       {http.StatusServiceUnavailable, "golden request 3:\n differs by 17 levels\n", "golden request 3: differs by 17 levels"},
		"a long story": {http.StatusServiceUnavailable, strings.Repeat("x", 9000), strings.Repeat("x", maxWords)},
	} {
		t.Run(name, func(t *testing.T) {
			c, target, _ := pod(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.code)
				_, _ = io.WriteString(w, tt.body)
			})
			got, err := c.Unready(context.Background(), target)
			if err != nil || got != tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// The other end of the conversation is the sidecar's own handler.
func TestTheSidecarTakesWhatTheOperatorPushes(t *testing.T) {
	weights := t.TempDir()
	signature := `{"schema":"tryon.signature/v1","name":"tryon/v1","height":64,"width":48}`
	if err := os.WriteFile(filepath.Join(weights, "signature.json"), []byte(signature), 0o600); err != nil {
		t.Fatal(err)
	}
	var handler http.Handler
	c, target, public := pod(t, func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) })
	c.now = time.Now
	o := sidecar.DefaultOptions()
	o.Weights, o.Version, o.PublicKey, o.PodUID = weights, "tops-v1", public, target.UID
	server, err := sidecar.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	handler = server.OpsHandler()

	document := control.New(7, &control.Candidate{Version: "tops-v2", Address: "http://storefront-tops-v2.ns.svc:8080", Weight: 10})
	if err := c.Push(t.Context(), target, document); err != nil {
		t.Fatal(err)
	}
	status, err := c.Status(t.Context(), target)
	if err != nil || status.Generation != 7 || status.Version != "tops-v1" || status.Ready {
		t.Errorf("status %+v, %v; want generation 7 of tops-v1, not ready", status, err)
	}
	if why, err := c.Unready(t.Context(), target); err != nil || why == "" {
		t.Errorf("unready because %q, %v; want a reason", why, err)
	}
	if _, err := c.Evidence(t.Context(), target); !errors.Is(err, ErrNoEvidence) {
		t.Errorf("evidence of nothing: %v", err)
	}
	compare := control.New(8, nil)
	compare.Shadow = &control.Shadow{Epoch: "e1", Version: "tops-v2", Address: "http://storefront-tops-v2.ns.svc:8080", SamplePercent: 20, LatencyRatio: 1.1}
	if err := c.Push(t.Context(), target, compare); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Evidence(t.Context(), target); err != nil || got.Epoch != "e1" || got.Stable != "tops-v1" || got.Pairs != 0 {
		t.Errorf("evidence %+v, %v", got.Errors, err)
	}
	if err := c.Push(t.Context(), target, control.New(6, nil)); !errors.Is(err, ErrPod) {
		t.Errorf("an older document: error %v, want one that wraps %v", err, ErrPod)
	}
	if err := c.Push(t.Context(), Target{IP: target.IP, UID: "another"}, control.New(9, nil)); !errors.Is(err, ErrPod) {
		t.Errorf("a document for another pod: error %v, want one that wraps %v", err, ErrPod)
	}
}

func TestEvidenceIsAskedForWithASignatureAndRead(t *testing.T) {
	totals, err := evidence.NewTotals(1.1)
	if err != nil {
		t.Fatal(err)
	}
	want := evidence.Report{
		Schema: evidence.Schema, Epoch: "e1", Stable: "tops-v1", Candidate: "tops-v2", Instance: strings.Repeat("0f", 16), Sequence: 3, TakenAt: now, Totals: totals,
	}
	var public ed25519.PublicKey
	c, target, key := pod(t, func(w http.ResponseWriter, r *http.Request) {
		if err := control.Verify(r.Header, public, "5f2a9f2e", now, nil); err != nil || r.Method != http.MethodGet || r.URL.Path != "/evidence" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		body, err := want.Encode()
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
	})
	public = key
	got, err := c.Evidence(t.Context(), target)
	if err != nil || got != want {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestWhatIsNoEvidenceIsAnErrorOfItsKind(t *testing.T) {
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"nothing compared": {http.NotFound, ErrNoEvidence},
		"nonsense":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"schema":"x"}`) }, evidence.ErrInvalid},
		"an endless one": {func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				_, _ = io.WriteString(w, strings.Repeat(" ", 64<<10))
			}
		}, evidence.ErrInvalid},
		"a refusal": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }, ErrPod},
	} {
		t.Run(name, func(t *testing.T) {
			c, target, _ := pod(t, tt.handler)
			if _, err := c.Evidence(t.Context(), target); !errors.Is(err, tt.want) || !errors.Is(err, ErrPod) {
				t.Errorf("error %v, want one that wraps %v and %v", err, tt.want, ErrPod)
			}
		})
	}
}

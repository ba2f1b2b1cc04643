package control

import (
	"crypto/ed25519"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

const podUID = "5f2a9f2e-5c0e-4c0e-9b1e-0d3c1d1c1d1c"

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func keys(seed byte) (ed25519.PublicKey, ed25519.PrivateKey) {
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(seed), ed25519.SeedSize)))
	return private.Public().(ed25519.PublicKey), private
}

// shadowed makes a document that has everything compared, and changes it.
func shadowed(change func(*Shadow)) Document {
	s := &Shadow{Epoch: "sha256:0f", Version: "tops-v2", Address: "http://storefront-tops-v2.ns.svc:8080", SamplePercent: 20, LatencyRatio: 1.1}
	change(s)
	d := New(7, nil)
	d.Shadow = s
	return d
}

func TestADocumentSurvivesTheWire(t *testing.T) {
	for name, want := range map[string]Document{
		"with a candidate": New(7, &Candidate{Version: "tops-v2", Address: "http://storefront-tops-v2.ns.svc:8080", Weight: 10}),
		"without one":      New(1, nil),
		"with a shadow":    shadowed(func(*Shadow) {}),
	} {
		t.Run(name, func(t *testing.T) {
			body, err := want.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode(body)
			if err != nil || !cmp.Equal(got, want) {
				t.Errorf("%v, %s", err, cmp.Diff(want, got))
			}
		})
	}
}

func TestBadDocumentsAreRefused(t *testing.T) {
	doc := func(candidate string) string {
		return `{"schema":"tryon.control/v1","generation":1,"candidate":` + candidate + `}`
	}
	tests := map[string]string{
		"nothing":            ``,
		"another schema":     `{"schema":"tryon.control/v2","generation":1,"candidate":null}`,
		"no generation":      `{"schema":"tryon.control/v1","candidate":null}`,
		"an unknown field":   `{"schema":"tryon.control/v1","generation":1,"candidate":null,"mirror":1}`,
		"two documents":      doc("null") + doc("null"),
		"a weight over 100":  doc(`{"version":"a","address":"http://h","weight":101}`),
		"a negative weight":  doc(`{"version":"a","address":"http://h","weight":-1}`),
		"a fractional one":   doc(`{"version":"a","address":"http://h","weight":1.5}`),
		"a file address":     doc(`{"version":"a","address":"file:///etc/passwd","weight":1}`),
		"user information":   doc(`{"version":"a","address":"http://good@evil","weight":1}`),
		"an address's path":  doc(`{"version":"a","address":"http://h/x/../y","weight":1}`),
		"a version's spaces": doc(`{"version":"a b","address":"http://h","weight":1}`),
		"a document too big": doc("null") + strings.Repeat(" ", MaxBytes),
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode([]byte(body)); !errors.Is(err, ErrInvalid) {
				t.Errorf("error %v, want one that wraps %v", err, ErrInvalid)
			}
		})
	}
}

func TestAShadowThatCannotBeIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Shadow){
		"no epoch":             func(s *Shadow) { s.Epoch = "" },
		"a long epoch":         func(s *Shadow) { s.Epoch = strings.Repeat("a", 81) },
		"an epoch's line":      func(s *Shadow) { s.Epoch = "a\nb" },
		"no share":             func(s *Shadow) { s.SamplePercent = 0 },
		"a share over 100":     func(s *Shadow) { s.SamplePercent = 101 },
		"no ratio":             func(s *Shadow) { s.LatencyRatio = 0 },
		"a ratio of NaN":       func(s *Shadow) { s.LatencyRatio = math.NaN() },
		"a ratio over 10":      func(s *Shadow) { s.LatencyRatio = 10.1 },
		"no version":           func(s *Shadow) { s.Version = "" },
		"a file address":       func(s *Shadow) { s.Address = "file:///etc/passwd" },
		"an address's query":   func(s *Shadow) { s.Address = "http://h?x" },
		"an address with user": func(s *Shadow) { s.Address = "http://good@evil" },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := shadowed(change).Encode(); !errors.Is(err, ErrInvalid) {
				t.Errorf("error %v, want one that wraps %v", err, ErrInvalid)
			}
		})
	}
}

func TestADocumentOfAnOlderOperatorIsValidAndANewOneWithoutShadowIsTheSame(t *testing.T) {
	const older = `{"schema":"tryon.control/v1","generation":1,"candidate":null}`
	d, err := Decode([]byte(older))
	if err != nil || d.Shadow != nil {
		t.Fatalf("%v, %+v", err, d)
	}
	if body, err := d.Encode(); err != nil || string(body) != older {
		t.Errorf("%v, %s", err, body)
	}
}

// The bounds are written down here so that this package needs none of ours; they must be those of the statistics.
func TestEveryLatencyRatioThatIsAcceptedCanBeMeasured(t *testing.T) {
	for _, ratio := range []float64{0.0999, 0.1, 1, 10, 10.001, math.Inf(1), -1} {
		_, encode := shadowed(func(s *Shadow) { s.LatencyRatio = ratio }).Encode()
		_, measure := sequential.NewLatencies(ratio)
		if (encode == nil) != (measure == nil) {
			t.Errorf("ratio %g: document %v, statistics %v", ratio, encode, measure)
		}
	}
}

func TestASignedPushIsAccepted(t *testing.T) {
	public, private := keys('a')
	header := http.Header{}
	Sign(header, private, podUID, now, []byte("body"))
	if err := Verify(header, public, podUID, now.Add(4*time.Minute), []byte("body")); err != nil {
		t.Error(err)
	}
}

func TestForgedPushesAreRefused(t *testing.T) {
	public, private := keys('a')
	_, stranger := keys('b')
	tests := map[string]func(h http.Header) (string, time.Time, string){
		"another body": func(http.Header) (string, time.Time, string) { return podUID, now, "Body" },
		"another pod":  func(http.Header) (string, time.Time, string) { return "other", now, "body" },
		"too late":     func(http.Header) (string, time.Time, string) { return podUID, now.Add(6 * time.Minute), "body" },
		"too early":    func(http.Header) (string, time.Time, string) { return podUID, now.Add(-6 * time.Minute), "body" },
		"another time": func(h http.Header) (string, time.Time, string) {
			h.Set(HeaderTime, "2026-11-22T12:00:01Z")
			return podUID, now, "body"
		},
		"no time":    func(h http.Header) (string, time.Time, string) { h.Del(HeaderTime); return podUID, now, "body" },
		"not a time": func(h http.Header) (string, time.Time, string) { h.Set(HeaderTime, "noon"); return podUID, now, "body" },
		"two signatures": func(h http.Header) (string, time.Time, string) {
			h.Add(HeaderSignature, "x")
			return podUID, now, "body"
		},
		"not base64": func(h http.Header) (string, time.Time, string) {
			h.Set(HeaderSignature, "!")
			return podUID, now, "body"
		},
		"a stranger's hand": func(h http.Header) (string, time.Time, string) {
			Sign(h, stranger, podUID, now, []byte("body"))
			return podUID, now, "body"
		},
		"no pod UID": func(http.Header) (string, time.Time, string) { return "", now, "body" },
	}
	for name, forge := range tests {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			Sign(header, private, podUID, now, []byte("body"))
			uid, at, body := forge(header)
			if err := Verify(header, public, uid, at, []byte(body)); !errors.Is(err, ErrUnauthorized) {
				t.Errorf("error %v, want one that wraps %v", err, ErrUnauthorized)
			}
		})
	}
	header := http.Header{}
	Sign(header, private, podUID, now, nil)
	if err := Verify(header, nil, podUID, now, nil); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("without a key: %v, want %v", err, ErrUnauthorized)
	}
}

func TestTheGenerationNeverGoesBack(t *testing.T) {
	a := &Applied{}
	two := New(2, &Candidate{Version: "v2", Address: "http://h", Weight: 5})
	steps := []struct {
		doc         Document
		wantChanged bool
		wantErr     error
	}{
		{New(1, nil), true, nil},
		{two, true, nil},
		{New(2, &Candidate{Version: "v2", Address: "http://h", Weight: 5}), false, nil},
		{New(2, nil), false, ErrStale},
		{New(1, nil), false, ErrStale},
		{New(0, nil), false, ErrInvalid},
	}
	for i, s := range steps {
		changed, err := a.Apply(s.doc)
		if changed != s.wantChanged || !errors.Is(err, s.wantErr) {
			t.Errorf("step %d: changed %v, error %v; want %v, %v", i, changed, err, s.wantChanged, s.wantErr)
		}
	}
	if got := a.Current(); !cmp.Equal(got, two) {
		t.Errorf("in force: %s", cmp.Diff(two, got))
	}
}

func TestThePublicKeySurvivesTheEnvironment(t *testing.T) {
	public, _ := keys('a')
	got, err := ParsePublicKey(FormatPublicKey(public))
	if err != nil || !got.Equal(public) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "!", "AAAA"} {
		if _, err := ParsePublicKey(bad); err == nil {
			t.Errorf("%q is taken for a key", bad)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"schema":"tryon.control/v1","generation":7,"candidate":{"version":"a","address":"http://h","weight":10}}`))
	f.Add([]byte(`{"schema":"tryon.control/v1","generation":7,"candidate":null,"shadow":{"epoch":"a","version":"b","address":"http://h","samplePercent":1,"latencyRatio":1.1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Decode(body)
		if err != nil {
			return
		}
		again, err := d.Encode()
		if err != nil {
			t.Fatalf("accepted %q, cannot encode it: %v", body, err)
		}
		if back, err := Decode(again); err != nil || !cmp.Equal(d, back) {
			t.Errorf("%v, %s", err, cmp.Diff(d, back))
		}
	})
}

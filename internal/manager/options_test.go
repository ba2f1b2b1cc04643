package manager

import (
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFlagsAreReadStrictly(t *testing.T) {
	good := []string{
		"--worker-image=w", "--sidecar-image=s", "--runtime-image=r", "--trainer-image=t", "--namespace=tryon-system",
		"--artefact-store=pvc://artefacts", "--store-size=5Gi", "--store-class=fast", "--store-secret=", "--leader-elect",
	}
	tests := map[string]struct {
		args     []string
		wantWord string
	}{
		"all that the chart gives":     {good, ""},
		"an image is missing":          {good[1:], "--worker-image is required"},
		"a size that is none":          {append(slices.Clone(good), "--store-size=big"), "--store-size"},
		"a secret for a claim":         {append(slices.Clone(good), "--store-secret=s3"), "takes effect with an s3:// store only"},
		"a store of an unknown scheme": {append(slices.Clone(good), "--artefact-store=ftp://x"), "neither pvc:// nor s3://"},
		"an unknown access mode":       {append(slices.Clone(good), "--store-access-mode=ReadOnlyMany"), "neither ReadWriteOnce nor ReadWriteMany"},
		"a certificate for plain HTTP": {append(slices.Clone(good), "--metrics-secure=false", "--metrics-cert-dir=/tls"), "takes effect with --metrics-secure only"},
		"an argument":                  {append(slices.Clone(good), "run"), `unexpected argument "run"`},
		"an unknown flag":              {append(slices.Clone(good), "--frobnicate"), "frobnicate"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o, err := Parse(test.args, io.Discard)
			if test.wantWord == "" {
				if err != nil || o.Store.Claim != "artefacts" || o.Store.Size.String() != "5Gi" || !o.LeaderElect || !o.MetricsSecure {
					t.Errorf("got %+v, %v", o, err)
				}
				return
			}
			if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), test.wantWord) {
				t.Errorf("error %v, want ErrUsage with %q", err, test.wantWord)
			}
		})
	}
	if _, err := Parse([]string{"--help"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help gave %v", err)
	}
}

func TestMethodsAreReadStrictly(t *testing.T) {
	tests := map[string]struct {
		body     string
		wantWord string
	}{
		"a method":         {twoStages, ""},
		"an unknown field": {twoStages + "  colour: red\n", "colour"},
		"another kind":     {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n", "not a TryOnMethod"},
		"no name":          {"apiVersion: tryon.braincreators.com/v1alpha1\nkind: TryOnMethod\n", "with a name"},
		"no YAML":          {"\t:", "decoding method"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readMethods(fstest.MapFS{"m.yaml": {Data: []byte(test.body)}, "embed.go": {Data: []byte("package methods")}})
			if test.wantWord == "" {
				if err != nil || len(got) != 1 {
					t.Errorf("got %d methods, %v", len(got), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.wantWord) {
				t.Errorf("error %v, want one with %q", err, test.wantWord)
			}
		})
	}
}

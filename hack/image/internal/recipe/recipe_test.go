package recipe

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var linux = Platform{OS: "linux", Arch: "arm64"}

func TestParseExpandsArgumentsAndInheritsFromTheParentStage(t *testing.T) {
	r, err := Parse([]byte(`
ARG GO=1.2
ARG SUITE=${GO}-slim
FROM --platform=$BUILDPLATFORM golang:${SUITE} AS source
WORKDIR /src
ENV GOFLAGS="-trimpath -x" EMPTY=
COPY . .
FROM source AS build
ARG TARGETARCH GO
RUN --mount=type=cache,target=/root/.cache GOARCH=$TARGETARCH go build \
    -o out/tool ./cmd/tool
FROM scratch AS image
COPY --from=build --chmod=755 /src/out/tool /tool
ENV A=1 B=2
ENV A=3
WORKDIR /var
WORKDIR lib
EXPOSE 80 53/udp
LABEL one="1"
USER 65532:65532
ENTRYPOINT ["/tool"]
`), linux, map[string]string{"GO": "9.9"})
	if err != nil {
		t.Fatal(err)
	}
	source, err := r.Stage("source")
	if err != nil {
		t.Fatal(err)
	}
	if source.Base != "golang:9.9-slim" {
		t.Errorf("base is %q", source.Base)
	}
	build, err := r.Stage("build")
	if err != nil {
		t.Fatal(err)
	}
	wantRun := &Run{
		Line:    "GOARCH=$TARGETARCH go build     -o out/tool ./cmd/tool",
		Workdir: "/src",
		Env:     map[string]string{"GOFLAGS": "-trimpath -x", "EMPTY": "", "TARGETARCH": "arm64", "GO": "9.9"},
	}
	if diff := cmp.Diff(wantRun, build.Steps[0].Run); diff != "" {
		t.Errorf("RUN (-want +got):\n%s", diff)
	}
	if build.Root() != source || !build.Runs() || len(build.Chain()) != 2 {
		t.Error("the build stage's chain is not source, build with a RUN")
	}
	image, err := r.Stage("image")
	if err != nil {
		t.Fatal(err)
	}
	wantCopy := &Copy{From: build, Sources: []string{"/src/out/tool"}, Dest: "/tool", Mode: 0o755}
	if diff := cmp.Diff(wantCopy, image.Steps[0].Copy, cmp.Comparer(func(a, b *Stage) bool { return a == b })); diff != "" {
		t.Errorf("COPY (-want +got):\n%s", diff)
	}
	wantConfig := Config{
		Env: []string{"A=3", "B=2"}, User: "65532:65532", Workdir: "/var/lib",
		Entrypoint: []string{"/tool"}, Labels: map[string]string{"one": "1"}, Ports: []string{"53/udp", "80/tcp"},
	}
	if diff := cmp.Diff(wantConfig, image.Config); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestParseRefusesWhatItCannotDoAndNamesTheLine(t *testing.T) {
	tests := map[string]struct {
		body     string
		wantLine int
		wantWhat string
	}{
		"an absolute path in RUN":       {"RUN cp a /etc/passwd", 2, "RUN with the path /etc/passwd"},
		"a path that leaves WORKDIR":    {"RUN cp a ../b", 2, "RUN with the path ../b"},
		"an absolute path after =":      {"RUN OUT=/out make", 2, "RUN with the path /out"},
		"an absolute path in quotes":    {`RUN cp a "/etc"`, 2, "RUN with the path /etc"},
		"a RUN in exec form":            {`RUN ["make"]`, 2, "RUN in exec form or with a here-document"},
		"a RUN with a here-document":    {"RUN <<EOF\nmake\nEOF", 2, "RUN in exec form or with a here-document"},
		"a RUN with a secret":           {"RUN --mount=type=secret,id=x make", 2, "RUN --mount=type=secret"},
		"a RUN with the host's network": {"RUN --network=host make", 2, "RUN --network"},
		"a COPY from an image":          {"COPY --from=busybox:1 a b", 2, "COPY --from=busybox:1"},
		"a COPY with an owner":          {"COPY --chown=me a b", 2, "COPY --chown=me"},
		"a COPY with symbolic chmod":    {"COPY --chmod=u+x a b", 2, "COPY --chmod=u+x"},
		"an ADD":                        {"ADD a b", 2, "ADD"},
		"a VOLUME":                      {"VOLUME /data", 2, "VOLUME"},
		"a HEALTHCHECK":                 {"\nHEALTHCHECK NONE", 3, "HEALTHCHECK"},
		"a shell ENTRYPOINT":            {"ENTRYPOINT run me", 2, "ENTRYPOINT in shell form"},
		"a shell CMD":                   {"CMD run me", 2, "CMD in shell form"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte("FROM scratch AS x\n"+tt.body+"\n"), linux, nil)
			var unsupported *UnsupportedError
			if !errors.As(err, &unsupported) {
				t.Fatalf("want an UnsupportedError, got %v", err)
			}
			if unsupported.Line != tt.wantLine || unsupported.What != tt.wantWhat {
				t.Errorf("want line %d %q, got line %d %q", tt.wantLine, tt.wantWhat, unsupported.Line, unsupported.What)
			}
		})
	}
}

func TestParseRefusesABuildArgumentThatNothingDeclares(t *testing.T) {
	_, err := Parse([]byte("ARG A=1\nFROM scratch\n"), linux, map[string]string{"B": "2"})
	if err == nil || !strings.Contains(err.Error(), "build argument B") {
		t.Errorf("want an error that names B, got %v", err)
	}
}

func TestStageNamesWhatThereIsWhenItIsNotFound(t *testing.T) {
	r, err := Parse([]byte("FROM scratch AS one\nFROM scratch AS two\n"), linux, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Stage("three")
	var unknown *UnknownStageError
	if !errors.As(err, &unknown) {
		t.Fatalf("want an UnknownStageError, got %v", err)
	}
	if diff := cmp.Diff([]string{"one", "two"}, unknown.Have); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
}

func TestLoadRefusesAFileThatIsTooLarge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Dockerfile")
	if err := os.WriteFile(file, make([]byte, MaxSize+1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, linux, nil); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("want an error about the limit, got %v", err)
	}
}

func TestTheProjectsRecipeHasEveryImageAndItsImagesRunNothing(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		r, err := Load("../../../../Dockerfile", Platform{OS: "linux", Arch: arch}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"manager", "worker", "sidecar", "runtime", "trainer"} {
			s, err := r.Stage(name)
			if err != nil {
				t.Fatal(err)
			}
			if s.Config.User != "65532:65532" {
				t.Errorf("%s runs as %q", name, s.Config.User)
			}
			if name != "trainer" && s.Runs() {
				t.Errorf("%s has RUN lines, which need a shell in its base", name)
			}
			if s.Config.Labels["org.opencontainers.image.title"] == "" || len(s.Config.Entrypoint) == 0 {
				t.Errorf("%s has no title or no entry point", name)
			}
		}
	}
}

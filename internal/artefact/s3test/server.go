package s3test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

const (
	module    = "github.com/versity/versitygw"
	version   = "v1.8.0"
	accessKey = "tryon-test"
	region    = "us-east-1"
)

// Server is a running S3 server.
type Server struct {
	// Endpoint is its base URL, and Bucket the one bucket that it has.
	Endpoint, Bucket string
	// Folder holds the bucket's objects as files, for tests that damage them.
	Folder string
	// AccessKey and SecretKey are the only credentials that it accepts; no other server has the same.
	AccessKey, SecretKey string
}

// URI gives the store URI of a prefix in the bucket.
func (s Server) URI(prefix string) string {
	query := url.Values{"endpoint": {s.Endpoint}, "region": {region}, "s3ForcePathStyle": {"true"}}
	return "s3://" + s.Bucket + "/" + prefix + "?" + query.Encode()
}

// Start runs a server until the test ends and sets the AWS_* environment of its credentials. It has no ETags.
func Start(t *testing.T) Server {
	t.Helper()
	return start(t, "--nometa")
}

// StartWithETags is Start for a server that gives what was written through it an ETag, as S3 does.
func StartWithETags(t *testing.T) Server {
	t.Helper()
	return start(t, "--sidecar", t.TempDir())
}

func start(t *testing.T, metadata ...string) Server {
	t.Helper()
	binary, err := build(t.Context())
	if err != nil {
		t.Fatalf("building the S3 server: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	secretKey := rand.Text()
	t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
	t.Setenv("AWS_REGION", region)
	folder := t.TempDir()
	s := Server{Bucket: "artefacts", Folder: filepath.Join(folder, "artefacts"), AccessKey: accessKey, SecretKey: secretKey}
	if err := os.Mkdir(s.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	s.Endpoint = "http://" + address
	args := slices.Concat([]string{"--port", address, "--region", region, "--quiet", "posix"}, metadata, []string{folder})
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary, args...)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(t.TempDir(), "s3.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting the S3 server: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	waitFor(t, address, log.Name())
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func waitFor(t *testing.T, address, log string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(log)
			t.Fatalf("the S3 server does not answer: %v\n%s", err, text)
		case <-tick.C:
		}
	}
}

// build gives the server's binary, building it when the cache does not have it. Several test processes may do so at once:
// each builds beside the final name and renames.
func build(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w", err)
	}
	folder := filepath.Join(cache, "tryon-operator", "s3", version)
	final := filepath.Join(folder, "versitygw")
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("creating the cache folder: %w", err)
	}
	bin, err := os.MkdirTemp(folder, "build-")
	if err != nil {
		return "", fmt.Errorf("creating the build folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(bin) }()
	cmd := exec.CommandContext(ctx, "go", "install", module+"/cmd/versitygw@"+version)
	cmd.Dir = bin
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	if err := os.Rename(filepath.Join(bin, "versitygw"), final); err != nil {
		return "", fmt.Errorf("keeping the binary: %w", err)
	}
	return final, nil
}

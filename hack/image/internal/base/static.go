package base

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/braincreators/tryon-operator/hack/image/internal/layer"
)

const (
	passwd = "root:x:0:0:root:/root:/sbin/nologin\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n" +
		"nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
	group      = "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n"
	nsswitch   = "hosts: files dns\npasswd: files\ngroup: files\n"
	bundlePath = "etc/ssl/certs/ca-certificates.crt"
)

// distrolessConfig is what distroless images set.
var distrolessConfig = v1.Config{
	Env: []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"SSL_CERT_FILE=/" + bundlePath,
	},
	User:       "65532",
	WorkingDir: "/home/nonroot",
}

// static stands in for distroless/static: certificates, time zones, users, /tmp.
func (r *Resolver) static(ctx context.Context) (*Base, error) {
	dir, err := r.staticLayer(ctx)
	if err != nil {
		return nil, err
	}
	image, err := r.compose(distrolessConfig, dir)
	return &Base{Image: image, Complete: true}, err
}

// cc stands in for distroless/cc: static with the C and C++ runtime libraries.
func (r *Resolver) cc(ctx context.Context) (*Base, error) {
	bottom, err := r.staticLayer(ctx)
	if err != nil {
		return nil, err
	}
	top, err := r.Cache.Fill("bases", "cc", r.key("cc/v1"), func(dir string) error {
		defer r.Log.Begin("making the substitute for distroless/cc from Debian packages", "5s, once")()
		root := filepath.Join(dir, "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			return err
		}
		if err := unpackPackages(ctx, root, "libc6", "libgcc-s1", "libstdc++6"); err != nil {
			return err
		}
		if err := linkMergedUsr(root); err != nil {
			return err
		}
		return packRoot(dir, root, time.Now())
	})
	if err != nil {
		return nil, fmt.Errorf("making the substitute for distroless/cc: %w", err)
	}
	image, err := r.compose(distrolessConfig, bottom, top)
	return &Base{Image: image, Complete: true}, err
}

func (r *Resolver) staticLayer(ctx context.Context) (string, error) {
	dir, err := r.Cache.Fill("bases", "static", r.key("static/v1"), func(dir string) error {
		defer r.Log.Begin("making the substitute for distroless/static from Debian packages", "5s, once")()
		root := filepath.Join(dir, "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			return err
		}
		if err := unpackPackages(ctx, root, "ca-certificates", "tzdata"); err != nil {
			return err
		}
		entries, err := staticEntries(root)
		if err != nil {
			return err
		}
		return layer.Pack(dir, entries)
	})
	if err != nil {
		return "", fmt.Errorf("making the substitute for distroless/static: %w", err)
	}
	return dir, nil
}

// staticEntries is the layer of static, given the unpacked packages.
func staticEntries(root string) ([]layer.Entry, error) {
	bundle, err := certificates(filepath.Join(root, "usr/share/ca-certificates"))
	if err != nil {
		return nil, err
	}
	if err := remove(root, "usr/share/zoneinfo/right", "usr/share/zoneinfo/posix"); err != nil {
		return nil, err
	}
	zones, err := layer.FromRoot(filepath.Join(root, "usr/share/zoneinfo"), time.Now())
	if err != nil {
		return nil, err
	}
	entries := []layer.Entry{
		{Path: "etc/passwd", Mode: 0o644, Content: passwd},
		{Path: "etc/group", Mode: 0o644, Content: group},
		{Path: "etc/nsswitch.conf", Mode: 0o644, Content: nsswitch},
		{Path: bundlePath, Mode: 0o644, Content: bundle},
		{Path: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Path: "var/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Path: "root", Mode: fs.ModeDir | 0o700},
		{Path: "home/nonroot", Mode: fs.ModeDir | 0o700, UID: UID, GID: UID},
	}
	for _, z := range zones {
		if z.Mode.IsRegular() && z.Target != "" {
			z.Target = "usr/share/zoneinfo/" + z.Target
		}
		z.Path, z.UID, z.GID = "usr/share/zoneinfo/"+z.Path, 0, 0
		entries = append(entries, z)
	}
	return layer.WithParents(entries), nil
}

// certificates joins the certificate files below dir, in order of their paths, as update-ca-certificates does.
func certificates(dir string) (string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(p, ".crt") {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading certificates: %w", err)
	}
	if len(files) == 0 {
		return "", fmt.Errorf("reading certificates: none in %s", dir)
	}
	slices.Sort(files)
	var out strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return "", fmt.Errorf("reading certificates: %w", err)
		}
		out.Write(bytes.TrimSpace(text))
		out.WriteByte('\n')
	}
	return out.String(), nil
}

// linkMergedUsr adds /lib and /lib64 where packages hold their files below /usr only, as newer Debian's do: the loader's
// path, which is compiled into every program, starts with /lib64 or /lib.
func linkMergedUsr(root string) error {
	for _, name := range []string{"lib", "lib64"} {
		_, missing := os.Lstat(filepath.Join(root, name))
		_, below := os.Stat(filepath.Join(root, "usr", name))
		if missing == nil || below != nil {
			continue
		}
		if err := os.Symlink("usr/"+name, filepath.Join(root, name)); err != nil {
			return fmt.Errorf("linking /%s: %w", name, err)
		}
	}
	return nil
}

// packRoot packs root as the layer in dir, with everything owned as it is on disk by root.
func packRoot(dir, root string, latest time.Time) error {
	entries, err := layer.FromRoot(root, latest)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		for i := range entries {
			entries[i].UID, entries[i].GID = 0, 0
		}
	}
	return layer.Pack(dir, entries)
}

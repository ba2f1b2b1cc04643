package capture

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/s3blob"
)

// ErrNotFound says that a file has gone since it was listed.
var ErrNotFound = errors.New("no such file")

// Kind of a file in the folder.
type Kind string

const (
	// KindRequest is a captured request, KindPage an HTML page made of some.
	KindRequest Kind = ".zip"
	KindPage    Kind = ".html"
)

// Entry is a file in the folder.
type Entry struct {
	Name    string
	Kind    Kind
	TakenAt time.Time
	Bytes   int64
}

// Lives says whether a file is of an age at which it is kept. One from the future would outlive its time, so it is not.
func (e Entry) Lives(now time.Time, age time.Duration) bool {
	since := now.Sub(e.TakenAt)
	return since <= age && since >= -maxSkew
}

// id is what tells the file from others of its time.
func (e Entry) id() string { return e.Name[len(stamp)+1 : len(e.Name)-len(e.Kind)] }

// maxListed bounds a listing. A folder with more files is over its bounds anyway.
const maxListed = 50_000

// place is where the files lie.
type place interface {
	// list gives names and sizes of files of ours, at most maxListed. Parts of files that were written to last before that time are removed.
	list(ctx context.Context, stale time.Duration) ([]Entry, error)
	// read gives a file of at most limit bytes; the error wraps ErrNotFound when there is none.
	read(ctx context.Context, name string, limit int64) ([]byte, error)
	// put makes a file visible as a whole or not at all.
	put(ctx context.Context, name string, body []byte) error
	// remove removes a file that may be gone.
	remove(ctx context.Context, name string) error
}

// Folder is the place of one deployment's captured requests. It is safe for concurrent use by several goroutines and several processes.
type Folder struct {
	place
	close func() error
}

// Open opens file:///folder or s3://bucket/prefix?endpoint=…, whose credentials come from the environment (task.EnvCapture).
func Open(ctx context.Context, uri string) (*Folder, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("opening captured requests: %w", err)
	}
	if u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("opening captured requests: %s: credentials and fragments do not belong into the URI", u.Redacted())
	}
	var f *Folder
	switch u.Scheme {
	case fileblob.Scheme:
		f, err = openDisk(u)
	case s3blob.Scheme:
		f, err = openObjects(ctx, u)
	default:
		err = fmt.Errorf("%q: the scheme must be file or s3", uri)
	}
	if err != nil {
		return nil, fmt.Errorf("opening captured requests: %w", err)
	}
	return f, nil
}

// Close releases the folder or the bucket.
func (f *Folder) Close() error { return f.close() }

// Put adds a request and gives its file, also beside an error: a write that was cut off may have been done.
func (f *Folder) Put(ctx context.Context, r Request) (Entry, error) {
	e := Entry{Name: newName(r.TakenAt), Kind: KindRequest, TakenAt: r.TakenAt}
	var err error
	e.Bytes, err = f.write(ctx, e.Name, r)
	return e, err
}

// Replace writes a request again under the name that it has, for example with a candidate's answer. It stays as old as it was. One that was
// removed meanwhile stays so: the error wraps ErrNotFound.
func (f *Folder) Replace(ctx context.Context, name string, r Request) error {
	if e, ok := parse(name); !ok || e.Kind != KindRequest {
		return fmt.Errorf("%w: the name is %.80q", ErrBadFile, name)
	}
	// Its content does not matter, only whether there is one.
	if _, err := f.read(ctx, name, 0); err != nil && !errors.Is(err, ErrBadFile) {
		return fmt.Errorf("writing captured request: %w", err)
	}
	_, err := f.write(ctx, name, r)
	return err
}

func (f *Folder) write(ctx context.Context, name string, r Request) (int64, error) {
	body, err := r.encode()
	if err != nil {
		return 0, err
	}
	if err = f.put(ctx, name, body); err != nil {
		err = fmt.Errorf("writing captured request: %w", err)
	}
	return int64(len(body)), err
}

// PutPage adds the page of what a digest names, whose oldest picture is from a time, and gives its name. It takes the place of earlier pages of
// the same digest, also of those whose oldest picture has gone since; an error with a name says that one of these could not be removed.
func (f *Folder) PutPage(ctx context.Context, digest string, oldest time.Time, page []byte) (string, error) {
	hexed := strings.TrimPrefix(digest, "sha256:")
	name := nameOf(oldest, hexed[:min(len(hexed), 2*random)], KindPage)
	mine, ok := parse(name)
	if !ok {
		return "", fmt.Errorf("writing page of captured requests: %.80q is no digest, or %s no time", digest, oldest)
	}
	if err := f.put(ctx, name, page); err != nil {
		return "", fmt.Errorf("writing page of captured requests: %w", err)
	}
	entries, err := f.List(ctx)
	for _, e := range entries {
		if e.Name != name && e.Kind == KindPage && e.id() == mine.id() {
			err = errors.Join(err, f.remove(ctx, e.Name))
		}
	}
	if err != nil {
		return name, fmt.Errorf("removing earlier page of captured requests: %w", err)
	}
	return name, nil
}

// Read reads a request. Errors wrap ErrNotFound or ErrBadFile; any other means that the folder cannot be read now.
func (f *Folder) Read(ctx context.Context, name string) (Request, error) {
	if e, ok := parse(name); !ok || e.Kind != KindRequest {
		return Request{}, fmt.Errorf("%w: the name is %.80q", ErrBadFile, name)
	}
	body, err := f.read(ctx, name, maxFile)
	if err != nil {
		return Request{}, fmt.Errorf("reading captured request %s: %w", name, err)
	}
	r, err := decode(body)
	if err != nil {
		return Request{}, fmt.Errorf("reading captured request %s: %w", name, err)
	}
	return r, nil
}

// List gives the requests and pages that are there, the newest first. Files of other names are not ours and not listed.
func (f *Folder) List(ctx context.Context) ([]Entry, error) { return f.entries(ctx, staleAfter) }

func (f *Folder) entries(ctx context.Context, stale time.Duration) ([]Entry, error) {
	entries, err := f.list(ctx, stale)
	if err != nil {
		return nil, fmt.Errorf("listing captured requests: %w", err)
	}
	var all []Entry
	for _, e := range entries {
		if known, ok := parse(e.Name); ok {
			known.Bytes = e.Bytes
			all = append(all, known)
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(b.Name, a.Name) })
	return all, nil
}

const (
	// stamp is how a name begins; names in their order are times in theirs.
	stamp = "20060102T150405.000Z"
	// random bytes tell files of the same time apart.
	random = 8
)

var names = regexp.MustCompile(`^([0-9]{8}T[0-9]{6}\.[0-9]{3}Z)-[0-9a-f]{16}(\.zip|\.html)$`)

func newName(at time.Time) string {
	var b [random]byte
	_, _ = rand.Read(b[:])
	return nameOf(at, hex.EncodeToString(b[:]), KindRequest)
}

func nameOf(at time.Time, id string, kind Kind) string {
	return at.UTC().Format(stamp) + "-" + id + string(kind)
}

// parse reads a name; ok is false when it is none of ours.
func parse(name string) (e Entry, ok bool) {
	m := names.FindStringSubmatch(name)
	if m == nil {
		return Entry{}, false
	}
	at, err := time.Parse(stamp, m[1])
	return Entry{Name: name, Kind: Kind(m[2]), TakenAt: at}, err == nil
}

package layer

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	kgzip "github.com/klauspost/compress/gzip"
)

const (
	dataFile  = "layer.tar.gz"
	indexFile = "layer.json"
)

// index is the small document beside a packed layer.
type index struct {
	Digest string `json:"digest"`
	DiffID string `json:"diffID"`
	Size   int64  `json:"size"`
}

// Packed is a layer in a folder. It is a v1.Layer.
type Packed struct {
	dir    string
	digest v1.Hash
	diffID v1.Hash
	size   int64
}

var _ v1.Layer = (*Packed)(nil)

// Open reads the layer that Pack left in dir.
func Open(dir string) (*Packed, error) {
	text, err := os.ReadFile(filepath.Join(dir, indexFile))
	if err != nil {
		return nil, fmt.Errorf("opening layer: %w", err)
	}
	var in index
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("opening layer %s: %w", dir, err)
	}
	p := &Packed{dir: dir, size: in.Size}
	if p.digest, err = v1.NewHash(in.Digest); err != nil {
		return nil, fmt.Errorf("opening layer %s: %w", dir, err)
	}
	if p.diffID, err = v1.NewHash(in.DiffID); err != nil {
		return nil, fmt.Errorf("opening layer %s: %w", dir, err)
	}
	return p, nil
}

// Pack writes entries as a layer into dir. It is compressed with gzip at its fastest level: on two cores the largest layer
// is then pushed and unpacked faster than either uncompressed or at the default level (docs in hack/image/README.md).
func Pack(dir string, entries []Entry) error {
	f, err := os.Create(filepath.Join(dir, dataFile))
	if err != nil {
		return fmt.Errorf("packing layer: %w", err)
	}
	defer f.Close()
	whole, plain := newCounter(f), sha256.New()
	zip, err := kgzip.NewWriterLevel(whole, gzip.BestSpeed)
	if err != nil {
		return fmt.Errorf("packing layer: %w", err)
	}
	buffered := bufio.NewWriterSize(io.MultiWriter(zip, plain), 1<<20)
	if err := writeTar(buffered, entries); err != nil {
		return fmt.Errorf("packing layer: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("packing layer: %w", err)
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("packing layer: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("packing layer: %w", err)
	}
	text, err := json.Marshal(index{
		Digest: "sha256:" + hex.EncodeToString(whole.sum.Sum(nil)),
		DiffID: "sha256:" + hex.EncodeToString(plain.Sum(nil)),
		Size:   whole.n,
	})
	if err != nil {
		return fmt.Errorf("packing layer: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, indexFile), text, 0o644); err != nil {
		return fmt.Errorf("packing layer: %w", err)
	}
	return nil
}

// Digest is the digest of the compressed layer.
func (p *Packed) Digest() (v1.Hash, error) { return p.digest, nil }

// DiffID is the digest of the uncompressed layer.
func (p *Packed) DiffID() (v1.Hash, error) { return p.diffID, nil }

// Size is the compressed size in bytes.
func (p *Packed) Size() (int64, error) { return p.size, nil }

// MediaType is OCI's gzip layer.
func (p *Packed) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// Compressed opens the layer as it is stored.
func (p *Packed) Compressed() (io.ReadCloser, error) { return os.Open(filepath.Join(p.dir, dataFile)) }

// Uncompressed opens the layer's tar stream.
func (p *Packed) Uncompressed() (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(p.dir, dataFile))
	if err != nil {
		return nil, err
	}
	zip, err := kgzip.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		f.Close()
		return nil, err
	}
	return &unzipped{Reader: zip, file: f}, nil
}

type unzipped struct {
	*kgzip.Reader
	file *os.File
}

// Close closes the stream and its file.
func (u *unzipped) Close() error {
	err := u.Reader.Close()
	if e := u.file.Close(); err == nil {
		err = e
	}
	return err
}

// counter passes bytes on, counts and hashes them.
type counter struct {
	out io.Writer
	sum hash.Hash
	n   int64
}

func newCounter(out io.Writer) *counter { return &counter{out: out, sum: sha256.New()} }

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.sum.Write(p[:n])
	c.n += int64(n)
	return n, err
}

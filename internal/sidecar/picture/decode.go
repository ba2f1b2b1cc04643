package picture

import (
	"context"
	"errors"
	"fmt"
	"image"

	"golang.org/x/sync/semaphore"

	"github.com/braincreators/tryon-operator/internal/imaging"
)

// Errors of decoding, beside those of imaging.
var (
	// ErrTooMuchMemory says that one request's pictures need more memory than all requests together may have.
	ErrTooMuchMemory = errors.New("the pictures need too much memory")
	// ErrNoMemory says that no memory became free in time.
	ErrNoMemory = errors.New("no memory for the pictures was free in time")
)

// FileError says which of a request's files cannot be decoded. It wraps an error of imaging.
type FileError struct {
	File string
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("the picture %s: %v", e.File, e.Err) }

// Unwrap gives the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Files are the pictures of a try-on as they came; Mask is nil when there is none.
type Files struct{ Person, Garment, Mask []byte }

// Pixels are the pictures of a try-on, upright; Mask is nil when there is none.
type Pixels struct{ Person, Garment, Mask *image.RGBA }

// Decoder decodes within a memory that all requests share.
type Decoder struct {
	limits imaging.PhotoLimits
	most   int64
	memory *semaphore.Weighted
	decode func([]byte, imaging.PhotoLimits) (*image.RGBA, imaging.PhotoInfo, error)
}

// NewDecoder makes a decoder of pictures within limits, all of which together take at most so many bytes of memory.
func NewDecoder(limits imaging.PhotoLimits, memory int64) *Decoder {
	return &Decoder{limits: limits, most: memory, memory: semaphore.NewWeighted(memory), decode: imaging.DecodePhoto}
}

// Decode checks all headers, takes the memory for all pictures at once, and only then decodes. free gives the memory back.
// Errors are *FileError, or wrap ErrTooMuchMemory or ErrNoMemory.
func (d *Decoder) Decode(ctx context.Context, files Files) (p Pixels, free func(), err error) {
	parts := []struct {
		name string
		data []byte
		into **image.RGBA
	}{{"person", files.Person, &p.Person}, {"garment", files.Garment, &p.Garment}, {"mask", files.Mask, &p.Mask}}
	memory := int64(0)
	for _, part := range parts {
		if len(part.data) == 0 {
			continue
		}
		info, err := imaging.PhotoHeader(part.data, d.limits)
		if err != nil {
			return p, nil, &FileError{part.name, err}
		}
		// The reply's patch is as large as the photo at most.
		memory += info.Memory() + 4*int64(info.Width)*int64(info.Height)
	}
	if memory > d.most {
		return p, nil, fmt.Errorf("%w: %d MiB when decoded, %d MiB are allowed", ErrTooMuchMemory, memory>>20, d.most>>20)
	}
	if err := d.memory.Acquire(ctx, memory); err != nil {
		return p, nil, fmt.Errorf("%w: %w", ErrNoMemory, err)
	}
	// Also when a decoder panics: the memory of a picture that nobody holds must not be lost to all later ones.
	done := false
	defer func() {
		if !done {
			d.memory.Release(memory)
		}
	}()
	for _, part := range parts {
		if len(part.data) == 0 {
			continue
		}
		if *part.into, _, err = d.decode(part.data, d.limits); err != nil {
			return p, nil, &FileError{part.name, err}
		}
	}
	done = true
	return p, func() { d.memory.Release(memory) }, nil
}

package artefact

import (
	"errors"

	"github.com/braincreators/tryon-operator/internal/folder"
)

var (
	// ErrNoStore says that there is no artefact store at the place that was named.
	ErrNoStore = errors.New("there is no artefact store")
	// ErrNotFound says that the store holds no document or blob of that name.
	ErrNotFound = errors.New("not found in the artefact store")
	// ErrDigestMismatch says that bytes are not the ones their digest names.
	ErrDigestMismatch = errors.New("digest mismatch")
	// ErrSizeMismatch says that there are more or fewer bytes than a manifest declares.
	ErrSizeMismatch = errors.New("size mismatch")
	// ErrTooLarge says that something is over its limit; nothing is ever cut to fit.
	ErrTooLarge = errors.New("over the limit")
	// ErrUnsafePath says that a path could leave its folder or does so through a link, leads to no file, hides another file or is not
	// portable.
	ErrUnsafePath = folder.ErrUnsafePath
	// ErrNotATree says that a blob is no tree manifest in canonical form.
	ErrNotATree = errors.New("not a tree manifest")
	// ErrCannotSweep says that a sweep cannot tell what is still named, and has deleted nothing.
	ErrCannotSweep = errors.New("cannot tell what is still in use")
	// ErrOccupied says that the target folder holds files that are not the tree's.
	ErrOccupied = errors.New("target folder holds other files")
)

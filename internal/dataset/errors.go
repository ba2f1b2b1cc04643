package dataset

import "errors"

var (
	// ErrUnsafeName says that a file's name could leave its folder, hide another file or is not portable.
	ErrUnsafeName = errors.New("unsafe file name")
	// ErrIrregular says that something in the tree is no regular file: a symbolic link to a folder or out of the tree, a pipe, a device.
	ErrIrregular = errors.New("not a regular file")
	// ErrTooLarge says that a file, a list or the number of files is over its limit.
	ErrTooLarge = errors.New("over the limit")
	// ErrChanged says that a file changed while it was read, or is not the pinned one any more.
	ErrChanged = errors.New("content changed")
	// ErrNotFound says that a file of the version is not in the source.
	ErrNotFound = errors.New("not found in the source")
	// ErrLayout says that the source does not hold the declared layout.
	ErrLayout = errors.New("layout not found")
	// ErrEmpty says that the source holds no files. That may change by itself: somebody may be filling it, so it is not the data's fault.
	ErrEmpty = errors.New("the source holds no files yet")
	// ErrManifest says that a document is no canonical manifest of the expected digest.
	ErrManifest = errors.New("not a dataset manifest")
)

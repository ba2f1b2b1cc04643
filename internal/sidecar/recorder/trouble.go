package recorder

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/bucket"
)

const (
	// complainEvery bounds how often the log says that the folder is out of order: it is so for every request.
	complainEvery = time.Minute
	// maxWords bounds what is said of trouble, in bytes.
	maxWords = 1024
)

// troubles is what is wrong with each thing that is done with the folder, until it succeeds. One that may be listed and not written must not
// look well after each sweep.
type troubles struct {
	looked           bool
	open, put, sweep string
}

// Trouble is why requests cannot be kept as asked; empty when they can. Before the folder was tried, looked is false.
func (r *Recorder) Trouble() (words string, looked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.found.open, r.found.put, r.found.sweep), r.found.looked
}

// remember keeps what came of something, and logs it now and then when it is trouble. What ends because the pod does is none.
func (r *Recorder) remember(ctx context.Context, place *string, message string, err error) {
	if ctx.Err() != nil {
		return
	}
	words := ""
	if err != nil {
		words = message + ": " + plain(err).Error()
		words = strings.ToValidUTF8(words[:min(len(words), maxWords)], "")
	}
	r.mu.Lock()
	r.found.looked, *place = true, words
	r.mu.Unlock()
	if err != nil && time.Since(r.complained) >= complainEvery {
		r.complained = time.Now()
		slog.Warn(message, "err", err)
	}
}

// plain leaves out what is another at each try, the number of a request and the name of a file: trouble that stays must not read as new.
func plain(err error) error {
	if file := (*fs.PathError)(nil); errors.As(err, &file) {
		return file.Err
	}
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		return link.Err
	}
	return bucket.Plain(err)
}

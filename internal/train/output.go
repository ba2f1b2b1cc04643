package train

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// pipePatience bounds the wait for output of children that outlive the command and left its process group.
const pipePatience = 5 * time.Second

// output carries the command's two streams. Pipes of our own let the command's end be seen while its children still hold
// them open.
type output struct {
	readers, writers []*os.File
	copying          sync.WaitGroup
}

// connect gives the command pipes to write to; start carrying with carry once it runs.
func connect(cmd *exec.Cmd) (*output, error) {
	o := &output{}
	for range 2 {
		r, w, err := os.Pipe()
		if err != nil {
			o.close(o.readers, o.writers)
			return nil, fmt.Errorf("opening pipe: %w", err)
		}
		o.readers, o.writers = append(o.readers, r), append(o.writers, w)
	}
	cmd.Stdout, cmd.Stderr = o.writers[0], o.writers[1]
	return o, nil
}

// carry copies what the command writes until all its holders have closed the pipes.
func (o *output) carry(out, err io.Writer) {
	o.close(o.writers)
	for i, w := range []io.Writer{out, err} {
		o.copying.Go(func() { _, _ = io.Copy(w, o.readers[i]) })
	}
}

// drain waits for the last words and closes the pipes.
func (o *output) drain() {
	impatient := time.AfterFunc(pipePatience, func() { o.close(o.readers) })
	o.copying.Wait()
	impatient.Stop()
	o.close(o.readers)
}

func (o *output) close(files ...[]*os.File) {
	for _, list := range files {
		for _, f := range list {
			_ = f.Close()
		}
	}
}

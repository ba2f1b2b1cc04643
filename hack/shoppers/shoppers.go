// Package shoppers plays shoppers: drawn persons who ask for drawn garments, at a steady rate, whether or not the request before is answered
// (an open model, so that a slow answer does not hide the next request).
package shoppers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/internal/synth"
)

// Wish is a person's photo and the picture of a garment that the person does not wear, both PNG.
type Wish struct {
	Person, Garment []byte
	// Private says that the person does not want to be captured.
	Private bool
}

// Draw draws so many persons, each with one wish. The folder holds the pictures afterwards.
func Draw(ctx context.Context, dir string, seed uint64, persons int) ([]Wish, error) {
	options := synth.Options{Dir: dir, Seed: seed, Test: persons, Height: 256, Width: 192, Force: true}
	if err := synth.Generate(ctx, options); err != nil {
		return nil, fmt.Errorf("drawing shoppers: %w", err)
	}
	pairs, err := os.ReadFile(filepath.Join(dir, "test_pairs.txt"))
	if err != nil {
		return nil, fmt.Errorf("reading shoppers: %w", err)
	}
	var wishes []Wish
	for line := range strings.Lines(string(pairs)) {
		person, garment, found := strings.Cut(strings.TrimSpace(line), " ")
		if !found {
			return nil, fmt.Errorf("reading shoppers: %q is no pair", line)
		}
		var w Wish
		var err1, err2 error
		w.Person, err1 = os.ReadFile(filepath.Join(dir, "test", "image", person))
		w.Garment, err2 = os.ReadFile(filepath.Join(dir, "test", "cloth", garment))
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("reading shoppers: %w", err)
		}
		wishes = append(wishes, w)
	}
	return wishes, nil
}

// Mix gives every person the garments of all in turn: n times as many wishes, n rounds over the persons in their order.
func Mix(wishes []Wish, rounds int) []Wish {
	var all []Wish
	for round := range rounds {
		for i, w := range wishes {
			all = append(all, Wish{Person: w.Person, Garment: wishes[(i+round)%len(wishes)].Garment})
		}
	}
	return all
}

// Crowd is shoppers who ask until they are stopped.
type Crowd struct {
	Sent, Failed atomic.Int64
	first        atomic.Pointer[error]
	// every is the time between two shoppers.
	every  atomic.Int64
	cancel context.CancelFunc
	asking sync.WaitGroup
}

// Start lets shoppers ask a Service of the demo's namespace, one every so often; after the last wish they begin again.
func Start(ctx context.Context, k *kube.Cluster, service string, every time.Duration, wishes []Wish) *Crowd {
	coming, cancel := context.WithCancel(ctx)
	c := &Crowd{cancel: cancel}
	c.Come(every)
	c.asking.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-coming.Done():
				return
			case <-time.After(c.Every()):
				c.asking.Go(func() { c.ask(context.WithoutCancel(ctx), k, service, wishes[i%len(wishes)]) })
			}
		}
	})
	return c
}

// Come changes how much time is between two shoppers.
func (c *Crowd) Come(every time.Duration) { c.every.Store(int64(every)) }

// Every is the time between two shoppers.
func (c *Crowd) Every() time.Duration { return time.Duration(c.every.Load()) }

func (c *Crowd) ask(ctx context.Context, k *kube.Cluster, service string, w Wish) {
	_, err := Ask(ctx, k, service, w)
	c.Sent.Add(1)
	if err != nil {
		c.first.CompareAndSwap(nil, &err)
		c.Failed.Add(1)
	}
}

// Stop lets nobody else come and waits for the last answer. It gives the first error; nil when every request was answered with a picture.
func (c *Crowd) Stop() error {
	c.cancel()
	c.asking.Wait()
	if first := c.first.Load(); first != nil {
		return fmt.Errorf("%d of %d requests failed, the first: %w", c.Failed.Load(), c.Sent.Load(), *first)
	}
	return nil
}

// Ask sends one wish and gives the picture, a PNG. Anything else is an error.
func Ask(ctx context.Context, k *kube.Cluster, service string, w Wish) ([]byte, error) {
	body, contentType, err := form(w)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {contentType}, "Accept": {"image/png"}}
	if w.Private {
		header.Set("Tryon-Capture", "no")
	}
	reply, err := k.Proxy(ctx, kube.Request{
		Method: http.MethodPost, Target: "services/" + service + ":8080", Path: "v1/tryon", Header: header, Body: body,
	})
	if err != nil {
		return nil, err
	}
	if _, err := png.DecodeConfig(bytes.NewReader(reply)); err != nil {
		return nil, fmt.Errorf("the answer is no picture: %w", err)
	}
	return reply, nil
}

func form(w Wish) (*bytes.Buffer, string, error) {
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for field, content := range map[string][]byte{"person": w.Person, "garment": w.Garment} {
		part, err := parts.CreateFormFile(field, field+".png")
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			return nil, "", fmt.Errorf("making form: %w", err)
		}
	}
	if err := parts.Close(); err != nil {
		return nil, "", fmt.Errorf("making form: %w", err)
	}
	return &body, parts.FormDataContentType(), nil
}

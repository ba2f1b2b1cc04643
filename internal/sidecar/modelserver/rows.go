package modelserver

import (
	"bytes"
	"context"
	"log/slog"

	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
)

// frame is room for what stands around the tensors of a request.
const frame = 64 << 10

// Batch is how many try-ons the model server takes at once.
func (c *Client) Batch() int { return int(c.batch.Load()) }

// mostRows is how many try-ons are to be asked at once by what we know without the model server: the option, and the bytes that one request may have.
func (c *Client) mostRows() int {
	row := int64(c.signature.Height) * int64(c.signature.Width) * 7
	return int(max(1, min(int64(c.options.Batch), (c.options.TensorBytes-frame)/row)))
}

// largestBatch is how many try-ons, of most at most, this model server takes at once: its metadata may fix the number at one, it may refuse so many,
// have no memory for them, or answer otherwise than it answers one. Whatever it is, requests are then asked in fewer or alone, and the pod serves.
func (c *Client) largestBatch(ctx context.Context, most int, recorded []golden.Recorded, tolerance int) int {
	if most <= 1 {
		return 1
	}
	if c.fixed(ctx) {
		slog.Info("The model's metadata fixes the number of try-ons that it takes at once", "wanted", most)
		return 1
	}
	for n := most; n > 1; n /= 2 {
		rows := make([]golden.Recorded, 0, n)
		for i := range n {
			rows = append(rows, recorded[i%len(recorded)])
		}
		err := c.checkRows(ctx, rows, tolerance)
		if err == nil {
			return n
		}
		slog.Warn("The model server does not answer so many try-ons at once as it answers one", "rows", n, "err", err)
	}
	return 1
}

// fixed tells whether an input's first dimension is a number. A model server that does not say is asked for several and will show.
func (c *Client) fixed(ctx context.Context) bool {
	meta, err := c.protocol.Metadata(ctx, oip.ModelName)
	if err != nil {
		return false
	}
	for _, in := range meta.Inputs {
		if len(in.Shape) > 0 && in.Shape[0] >= 0 {
			return true
		}
	}
	return false
}

// stack puts the pixels of all rows behind each other. One row is left where it is.
func stack(rows []oip.TryOn) oip.TryOn {
	if len(rows) == 1 {
		return rows[0]
	}
	var person, garment, mask [][]byte
	for _, row := range rows {
		person, garment, mask = append(person, row.Person), append(garment, row.Garment), append(mask, row.GarmentMask)
	}
	return oip.TryOn{Person: bytes.Join(person, nil), Garment: bytes.Join(garment, nil), GarmentMask: bytes.Join(mask, nil)}
}

// unstack gives each row's answer. Those of several are copies: one that is kept for longer must not keep the others' memory.
func unstack(all oip.Result, n int) []oip.Result {
	if n == 1 {
		return []oip.Result{all}
	}
	part := func(of []byte, i int) []byte {
		size := len(of) / n
		return bytes.Clone(of[i*size : (i+1)*size])
	}
	out := make([]oip.Result, 0, n)
	for i := range n {
		out = append(out, oip.Result{Image: part(all.Image, i), WarpedMask: part(all.WarpedMask, i), CompositeMask: part(all.CompositeMask, i)})
	}
	return out
}

package predict

import (
	"math"
	"time"
)

// Shape is what a run's time depends on: the size of the pictures and how many of them go into it together.
type Shape struct{ Height, Width, Batch int }

const (
	// mostBuckets bounds the memory. A deployment has few shapes; somebody who sends more makes us forget the oldest.
	mostBuckets = 64
	// mostSide and mostBatch bound what a shape can claim to be.
	mostSide, mostBatch = 1 << 14, 1 << 10

	shortest = time.Millisecond
	longest  = 10 * time.Minute
)

// pixels of the whole run, within bounds.
func (s Shape) pixels() float64 {
	s = s.bounded()
	return float64(s.Height) * float64(s.Width) * float64(s.Batch)
}

func (s Shape) bounded() Shape {
	return Shape{min(max(s.Height, 1), mostSide), min(max(s.Width, 1), mostSide), min(max(s.Batch, 1), mostBatch)}
}

// class puts shapes together that take about as long per pixel: sides within a factor of the square root of 2, the batch to the
// exact number up to 8 and within a factor of 2 above.
func (s Shape) class() Shape {
	s = s.bounded()
	batch := s.Batch
	if batch > 8 {
		batch = 1 << math.Ilogb(float64(batch))
	}
	half := func(side int) int { return int(math.Round(2 * math.Log2(float64(side)))) }
	return Shape{half(s.Height), half(s.Width), batch}
}

// Predictor learns service times. It is not safe for concurrent use; its owner has a lock already, the queue's.
type Predictor struct {
	prior   float64 // seconds per pixel
	buckets []bucket
	seen    uint64
}

// bucket is what is known of a class of shapes. Within it time is taken to be in proportion to pixels.
type bucket struct {
	class    Shape
	pixels   float64 // of the shape that was seen last, to tell how near another one is
	perPixel estimate
	used     uint64
}

// New has a predictor that has seen nothing. Until it has, a million pixels take perMegapixel.
func New(perMegapixel time.Duration) *Predictor {
	return &Predictor{prior: bound(perMegapixel).Seconds() / 1e6}
}

// Predict gives the time that a run takes, between a millisecond and ten minutes. For a shape that was never seen it is that of the
// nearest one in proportion to its pixels: too much for a larger one rather than too little, because a run has fixed costs too.
func (p *Predictor) Predict(s Shape) time.Duration {
	perPixel := p.prior
	if b := p.find(s.class()); b != nil {
		perPixel = b.perPixel.value()
	} else if b := p.nearest(s.pixels()); b != nil {
		perPixel = b.perPixel.value()
	}
	return bound(time.Duration(math.Min(perPixel*s.pixels(), longest.Seconds()) * float64(time.Second)))
}

// Learn takes the time that a run of the shape took. A time that no run can take, as when the clock jumps, teaches nothing; then it
// says false. Times of runs that failed or were cut off must not be given, unless they are longer than predicted: an answer takes no less.
func (p *Predictor) Learn(s Shape, took time.Duration) bool {
	if took <= 0 || took > longest {
		return false
	}
	p.seen++
	b := p.find(s.class())
	if b == nil {
		b = p.room()
		*b = bucket{class: s.class()}
	}
	b.pixels, b.used = s.pixels(), p.seen
	b.perPixel.learn(took.Seconds() / s.pixels())
	return true
}

func (p *Predictor) find(class Shape) *bucket {
	for i := range p.buckets {
		if p.buckets[i].class == class {
			return &p.buckets[i]
		}
	}
	return nil
}

// nearest is the bucket whose runs have the most similar number of pixels; nil when there is none.
func (p *Predictor) nearest(pixels float64) *bucket {
	var nearest *bucket
	least := math.Inf(1)
	for i := range p.buckets {
		if far := math.Abs(math.Log(p.buckets[i].pixels / pixels)); far < least {
			least, nearest = far, &p.buckets[i]
		}
	}
	return nearest
}

// room is a new bucket, or the one that was not used for longest.
func (p *Predictor) room() *bucket {
	if len(p.buckets) < mostBuckets {
		p.buckets = append(p.buckets, bucket{})
		return &p.buckets[len(p.buckets)-1]
	}
	oldest := &p.buckets[0]
	for i := range p.buckets {
		if p.buckets[i].used < oldest.used {
			oldest = &p.buckets[i]
		}
	}
	return oldest
}

func bound(t time.Duration) time.Duration { return min(max(t, shortest), longest) }

package synth

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
)

// dice is one random stream. Every part of a row has its own, so that adding a choice to hair does not move the arms.
type dice struct{ *rand.Rand }

// roll returns the stream of one part ("body", "garment", …) of one row.
func roll(seed uint64, split string, index int, part string) dice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(split + "/" + strconv.Itoa(index) + "/" + part))
	return dice{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// between returns a number in [low, high).
func (d dice) between(low, high float64) float64 { return low + (high-low)*d.Float64() }

// chance is true with probability p.
func (d dice) chance(p float64) bool { return d.Float64() < p }

// pick returns one of the items.
func pick[T any](d dice, items []T) T { return items[d.IntN(len(items))] }

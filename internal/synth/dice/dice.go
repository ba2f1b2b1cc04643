package dice

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
)

// Stream is the random numbers of one part of one row.
type Stream struct{ *rand.Rand }

// Roll returns the stream of one part ("body", "garment", …) of one row. The same arguments always give the same numbers.
func Roll(seed uint64, split string, index int, part string) Stream {
	h := fnv.New64a()
	_, _ = h.Write([]byte(split + "/" + strconv.Itoa(index) + "/" + part))
	return Stream{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// Between returns a number in [low, high).
func (s Stream) Between(low, high float64) float64 { return low + (high-low)*s.Float64() }

// Chance is true with probability p.
func (s Stream) Chance(p float64) bool { return s.Float64() < p }

// Pick returns one of the items.
func Pick[T any](s Stream, items []T) T { return items[s.IntN(len(items))] }

package quality

import "iter"

// Proxy names one measurement. All are finite and bounded as their comments say.
type Proxy uint8

// The proxies of docs/quality.md. "Difference" is the mean absolute difference of the channels to the person's photo, 0 … 1.
const (
	// FaceBandDiff is the difference above the garment: another face, a shifted or repainted frame. 0 … 1; both tails are bad,
	// for a copied photo has none.
	FaceBandDiff Proxy = iota
	// HeadMax is the largest local difference above the garment: a changed face, which the mean over the band drowns. 0 … 1, both.
	HeadMax
	// BorderDiff is the difference in the outer frame, away from the garment: background damage. 0 … 1, high.
	BorderDiff
	// OutsideChange is the share of visibly changed pixels outside the garment's box: leaks into trousers and background. 0 … 1, high.
	OutsideChange
	// FrameDiff is the difference over the whole frame; it needs no by-product. 0 … 1, both.
	FrameDiff
	// HistDistGarment is 1 less the intersection of the colour histograms of worn and flat garment: wrong, faded or missing
	// garment. 0 … 1, high.
	HistDistGarment
	// MeanColourDist is the distance of the mean colours of worn and flat garment: fade, hue. 0 … 1, high.
	MeanColourDist
	// OldHistAffinity is how much more the worn garment looks like what was there before than like the garment asked for, as the
	// difference of histogram intersections: residue, no-op. -1 … 1, high.
	OldHistAffinity
	// NoEffect is 1 less the difference inside the garment: nothing was put on. 0 … 1, high.
	NoEffect
	// SharpDrop compares the Laplacian's variance of flat (f) and worn (w) garment as (f-w)/(f+w): lost texture. -1 … 1, high.
	SharpDrop
	// SkinLost is the share of the photo's skin, its colour taken from the head, that is gone outside the garment: lost arms. 0 … 1, high.
	SkinLost
	// WarpAreaRatio is the area of the warped over that of the flat garment: collapse, explosion. 0 … 4, both.
	WarpAreaRatio
	// Dark is by what share the answer is darker than the photo. 0 … 1, high.
	Dark
	// Flat is by what share the answer has less contrast than the photo. 0 … 1, high.
	Flat

	proxies
)

// proxyNames are used in metrics and documents.
var proxyNames = [proxies]string{
	"face_band_diff", "head_max", "border_diff", "outside_change", "frame_diff", "hist_dist_garment", "mean_colour_dist",
	"old_hist_affinity", "no_effect", "sharp_drop", "skin_lost", "warp_area_ratio", "dark", "flat",
}

// String is the proxy's name in metrics and documents.
func (p Proxy) String() string { return proxyNames[p] }

// bothTails marks the proxies of which too little is as suspicious as too much; of the others only much is.
const bothTails = 1<<FaceBandDiff | 1<<HeadMax | 1<<FrameDiff | 1<<WarpAreaRatio

// Scores are the proxies of one answer. What could not be measured is absent, which is not the same as zero.
type Scores struct {
	values   [proxies]float64
	measured uint16
}

// Get returns a proxy's value and whether it was measured.
func (s *Scores) Get(p Proxy) (value float64, measured bool) {
	if p >= proxies || s.measured>>p&1 == 0 {
		return 0, false
	}
	return s.values[p], true
}

// All goes over what was measured.
func (s *Scores) All() iter.Seq2[Proxy, float64] {
	return func(yield func(Proxy, float64) bool) {
		for p := range proxies {
			if v, ok := s.Get(p); ok && !yield(p, v) {
				return
			}
		}
	}
}

func (s *Scores) set(p Proxy, v float64) {
	s.values[p] = v
	s.measured |= 1 << p
}

// setMean sets sum over count, unless there was nothing to count.
func (s *Scores) setMean(p Proxy, sum, count int) {
	if count > 0 {
		s.set(p, float64(sum)/float64(count))
	}
}

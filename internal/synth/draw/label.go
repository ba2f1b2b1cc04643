package draw

// Labels of the CIHP-20 palette that the drawings use, and two of our own for hands, which count as arms in the parse map
// but stay visible in the agnostic picture.
const (
	LabelBackground = 0
	LabelHair       = 2
	LabelUpper      = 5
	LabelPants      = 9
	LabelNeck       = 10
	LabelFace       = 13
	LabelLeftArm    = 14
	LabelRightArm   = 15
	LabelLeftLeg    = 16
	LabelRightLeg   = 17
	LabelLeftShoe   = 18
	LabelRightShoe  = 19
	LabelLeftHand   = 20
	LabelRightHand  = 21
	labelCount      = 22

	// KeepLabel is given to a brush that leaves the label of a sample as it is.
	KeepLabel = 0xff
)

// LabelSet restricts a brush to samples that carry one of its labels.
type LabelSet uint32

// Anywhere is every label.
const Anywhere LabelSet = 1<<labelCount - 1

// Only is the set of these labels.
func Only(labels ...uint8) LabelSet {
	var s LabelSet
	for _, l := range labels {
		s |= 1 << l
	}
	return s
}

// Has is true of the labels in the set.
func (s LabelSet) Has(label uint8) bool { return s>>label&1 == 1 }

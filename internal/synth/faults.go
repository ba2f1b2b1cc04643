package synth

// Fault is a named way to break a dataset, each made to be found by one data unit test.
type Fault struct {
	// Name as given to Options.Break.
	Name string
	// Check is the name of the data unit test that finds it.
	Check string
	// Description says in a few words what happens to the dataset.
	Description string

	inject func(root string) error
}

// Faults lists every fault.
func Faults() []Fault { return faults }

var faults = []Fault{
	{"missing-file", "manifest-completeness", "a garment mask is deleted", deleteMask},
	{"odd-name", "join-by-name", "an extra row has other names in the garment folders", addOddRow},
	{"stray-file", "equal-cardinality", "a garment without a person lies in the folder", addStray},
	{"crlf", "pair-list-syntax", "the training list has carriage returns", addCarriageReturns},
	{"swap", "pairing-rule", "two lines of the training list have their garments swapped", swapPairs},
	{"self-pairs", "unpaired-list", "the test list pairs every person with the worn garment", pairWithOwn},
	{"truncated", "decode-and-digest", "a photograph is cut off in the middle", truncatePhoto},
	{"size", "size-and-aspect", "a mask has half the size", halveMask},
	{"alpha", "picture-mode", "a photograph has an alpha channel", addAlpha},
	{"exif", "exif-orientation", "a photograph asks to be turned by 90 degrees", askToTurn},
	{"blank", "near-blank", "a photograph is black", blackenPhoto},
	{"grey-mask", "mask-binary", "a grey picture lies in the place of a mask", greyMask},
	{"empty-mask", "garment-coverage", "a mask is all black", emptyMask},
	{"void-label", "parse-palette", "a parse map marks contours with 255", voidLabel},
	{"palette", "palette-identity", "parse maps are in the ATR palette", translatePalette},
	{"no-person", "pose-one-person", "a pose document holds nobody", nobody},
	{"mixed-garments", "garment-matches", "garments and masks are filed one row off", shiftGarments},
	{"duplicates", "near-duplicates", "rows are copies of another", copyRows},
	{"leak", "train-test-leak", "a test row is also a training row", leakRow},
}

// FaultNames lists the names of every fault.
func FaultNames() []string {
	out := make([]string, len(faults))
	for i, f := range faults {
		out[i] = f.Name
	}
	return out
}

func faultNamed(name string) (Fault, bool) {
	for _, f := range faults {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}

package datatest

import "github.com/braincreators/tryon-operator/internal/dataset"

// Severity says what a failing check means for the dataset.
type Severity string

const (
	// Block: the dataset must not be trained on.
	Block Severity = "Block"
	// Warn: people should look, nothing stops.
	Warn Severity = "Warn"
	// Report: the number is worth knowing; the check never fails.
	Report Severity = "Report"
	// Off: the check does not run.
	Off Severity = "Off"
)

// Check describes one data unit test.
type Check struct {
	// Name in kebab case, as users write it.
	Name string
	// Number in the project's catalogue of data tests.
	Number int
	// Title is a short sentence that is true of good data.
	Title string
	// Why it matters: what goes wrong in training otherwise.
	Why string
	// Unit is what is counted: rows, files, lists, folders.
	Unit string
	// Severity and Budget are the defaults; Budget is the share of units that may offend.
	Severity Severity
	Budget   float64
}

// unit is a check with its code. Exactly one of the three is set; finish may come with sample, when facts are collected first.
type unit struct {
	Check
	structure func(*run, *tally)
	sample    func(*sample, *tally)
	finish    func(*run, *tally)
}

// Checks lists the standard suite in the order in which it is reported.
func Checks() []Check {
	out := make([]Check, len(suite))
	for i, u := range suite {
		out[i] = u.Check
	}
	return out
}

// suite is the standard suite: structure, files, pixels, geometry, semantics, distribution.
var suite = []unit{
	{Check: Check{"manifest-completeness", 1, "Every row has every artefact", "A loader stops in the middle of an epoch, or skips rows in silence.", "row artefacts", Block, 0}, structure: checkCompleteness},
	{Check: Check{"join-by-name", 2, "Joining folders by name and by sorted position agree", "Several methods join folders by sorted position; one odd name shifts all later pairs without an error.", "positions", Block, 0}, structure: checkJoin},
	{Check: Check{"equal-cardinality", 3, "All folders of a split hold equally many files", "A stray file shifts every pair after it where folders are joined by position.", "folders", Block, 0}, structure: checkCardinality},
	{Check: Check{"pair-list-syntax", 4, "Pair lists are well-formed", "Loaders split lines in different ways; a carriage return becomes part of a file name.", "lines", Block, 0}, structure: checkPairSyntax},
	{Check: Check{"pairing-rule", 5, "Training pairs name the garment that is worn", "Trained on foreign garments, a model learns to ignore the garment picture.", "rows", Block, 0}, structure: checkPairingRule},
	{Check: Check{"unpaired-list", 6, "Test pairs name another garment than the worn one", "Self-pairs make unpaired scores look better than they are.", "rows", Warn, 0.001}, structure: checkUnpaired},
	{Check: Check{"decode-and-digest", 7, "Every file is the pinned one and decodes to its end", "A truncated picture decodes to grey, and the model learns grey.", "files", Block, 0}, sample: checkDecode},
	{Check: Check{"size-and-aspect", 8, "All pictures of a row have one size, 4:3 upright", "Reshapes and stretched masks shift garments against bodies.", "rows", Block, 0}, sample: checkSize},
	{Check: Check{"picture-mode", 10, "Photographs are plain 8-bit colour, maps are 8-bit single channel", "Alpha, palettes, 16 bits and CMYK are converted differently by every loader.", "files", Block, 0}, sample: checkMode},
	{Check: Check{"colour-profile", 10, "Colour profiles are absent or sRGB", "Loaders ignore profiles; other colour spaces turn dull.", "files", Warn, 0.01}, sample: checkProfile},
	{Check: Check{"exif-orientation", 11, "No picture asks to be turned", "Loaders that honour the tag turn the photograph and not its masks.", "files", Block, 0}, sample: checkOrientation},
	{Check: Check{"near-blank", 12, "No photograph is blank or clipped", "Failed downloads and safety filters leave black or white pictures.", "files", Block, 0}, sample: checkBlank},
	{Check: Check{"mask-binary", 15, "Garment masks are binary, with the garment in white", "A grey picture in the place of a mask breaks training without an error.", "files", Block, 0}, sample: checkMaskBinary},
	{Check: Check{"garment-coverage", 16, "Garments cover 8% to 70% of their picture", "Empty and full masks teach the warp nothing.", "files", Block, 0}, sample: checkCoverage},
	{Check: Check{"small-garment", 16, "Garments cover at least 15.6% of their picture", "Some loaders replace smaller masks by all ones.", "files", Warn, 0.05}, sample: checkSmallGarment},
	{Check: Check{"parse-palette", 22, "Parse maps hold class ids of the palette and nothing between", "An interpolated map invents classes; an id out of range crashes one-hot encoding.", "files", Block, 0}, sample: checkPalette},
	{Check: Check{"palette-identity", 23, "The upper-clothes id lies on the trunk", "Palettes of 18, 20 and 14 classes use one id for different parts; the value range cannot tell.", "rows", Block, 0.02}, sample: checkPaletteIdentity},
	{Check: Check{"pose-one-person", 26, "Pose documents hold exactly one person in BODY_25", "No person crashes loaders, several make them take the first, another schema moves the hips.", "files", Block, 0}, sample: checkPose},
	{Check: Check{"garment-matches", 33, "The flat garment has the colours of the worn one", "Swapped files pair persons with garments they do not wear.", "rows", Block, 0.005}, sample: checkGarmentMatches},
	{Check: Check{"near-duplicates", 34, "Hardly any person or garment appears twice in a split", "Duplicates weigh double in training and in scores.", "pictures", Warn, 0.01}, finish: checkDuplicates},
	{Check: Check{"train-test-leak", 35, "No person of the test split is in the training split", "Scores on pictures seen in training are worth nothing.", "persons", Block, 0}, finish: checkLeak},
	{Check: Check{"train-test-garments", 35, "How many test garments are also training garments", "Known garments are easier to try on than new ones.", "garments", Report, 0}, finish: checkGarmentOverlap},
}

// photographs are the roles that hold pictures in natural colours.
var photographs = []dataset.Role{dataset.RolePerson, dataset.RoleGarment, dataset.RoleAgnostic}

// pictures are the roles that hold pictures at all.
var pictures = []dataset.Role{dataset.RolePerson, dataset.RoleGarment, dataset.RoleMask, dataset.RoleParse, dataset.RoleAgnostic}

package evaluate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/braincreators/tryon-operator/internal/dataset"
)

// Protocols of an evaluation.
const (
	// ProtocolUnpairedTruth compares with the exact picture of the person in the other garment.
	ProtocolUnpairedTruth = "unpaired-truth"
	// ProtocolPaired compares with the photo: the person tries on what the person wears.
	ProtocolPaired = "paired"
)

const (
	split       = "test"
	truthFolder = "test/truth/"
	truthParse  = "test/truth-parse/"
)

// errNoCases says that the test split holds nothing to evaluate.
var errNoCases = errors.New("the test split holds no pairs")

// testCase is one row of the evaluation: which files it is made of.
type testCase struct {
	name                       string
	person, garment, mask      dataset.File
	personParse, pose          dataset.File
	truth, truthParse          dataset.File
	personStem, garmentStem    string
	hasTruthParse, hasPoseFile bool
}

// plan is the cases of an evaluation in the order of the pair list.
type plan struct {
	protocol string
	cases    []testCase
}

// makePlan finds every case's files. A row without its files is an error: the dataset was tested before.
func makePlan(m *dataset.Manifest, maxCases int) (plan, error) {
	p := plan{protocol: ProtocolPaired}
	for _, f := range m.Files {
		if strings.HasPrefix(f.Path, truthFolder) {
			p.protocol = ProtocolUnpairedTruth
			break
		}
	}
	x := dataset.MakeIndex(m)
	seen := map[string]bool{}
	for _, pair := range m.Pairs[split] {
		if maxCases > 0 && len(p.cases) == maxCases {
			break
		}
		person, garment := pair[0], pair[1]
		if p.protocol == ProtocolPaired {
			garment = ""
		}
		c, err := p.find(m, x, person, garment)
		if err != nil {
			return plan{}, err
		}
		// Several rows of an unpaired list may have one person; paired, they are one case.
		if !seen[c.name] {
			seen[c.name] = true
			p.cases = append(p.cases, c)
		}
	}
	if len(p.cases) == 0 {
		return plan{}, errNoCases
	}
	return p, nil
}

func stemOf(name string) string { return strings.TrimSuffix(path.Base(name), path.Ext(name)) }

// find gives the files of one row; an empty garment means the person's own.
func (p plan) find(m *dataset.Manifest, x *dataset.Index, person, garment string) (testCase, error) {
	c := testCase{personStem: stemOf(person)}
	var problems []error
	need := func(f dataset.File, ok bool, what string) dataset.File {
		if !ok {
			problems = append(problems, fmt.Errorf("%s is missing", what))
		}
		return f
	}
	f, ok := x.Find(split, dataset.RolePerson, person)
	c.person = need(f, ok, "person")
	if garment == "" {
		// Persons and garments may differ in their extension.
		c.garment = need(ownGarment(x, c.personStem))
		garment = path.Base(c.garment.Path)
	} else {
		f, ok = x.Find(split, dataset.RoleGarment, garment)
		c.garment = need(f, ok, "garment")
	}
	c.garmentStem = stemOf(garment)
	f, ok = x.Find(split, dataset.RoleMask, garment)
	c.mask = need(f, ok, "garment mask")
	f, ok = x.Find(split, dataset.RoleParse, person)
	c.personParse = need(f, ok, "parse map")
	c.pose, c.hasPoseFile = x.Find(split, dataset.RolePose, person)
	c.name = c.personStem + "__" + c.garmentStem
	if p.protocol == ProtocolUnpairedTruth {
		f, ok = findTruth(m, truthFolder+c.name)
		c.truth = need(f, ok, "truth")
		c.truthParse, c.hasTruthParse = findTruth(m, truthParse+c.name)
		need(c.truthParse, c.hasTruthParse, "truth parse map")
	} else {
		c.truth = c.person
	}
	if len(problems) > 0 {
		return testCase{}, fmt.Errorf("test row %q %q: %w", person, garment, errors.Join(problems...))
	}
	return c, nil
}

func ownGarment(x *dataset.Index, personStem string) (dataset.File, bool, string) {
	for _, f := range x.Files(split, dataset.RoleGarment) {
		if stemOf(f.Path) == personStem {
			return f, true, ""
		}
	}
	return dataset.File{}, false, "own garment"
}

func findTruth(m *dataset.Manifest, base string) (dataset.File, bool) {
	for _, extension := range []string{".png", ".jpg"} {
		if f, ok := m.File(base + extension); ok {
			return f, true
		}
	}
	return dataset.File{}, false
}

// digest identifies the cases by names and contents, so that two dataset versions with the same test split compare.
func (p plan) digest() string {
	sum := sha256.New()
	for _, c := range p.cases {
		for _, f := range []dataset.File{c.person, c.garment, c.mask, c.personParse, c.pose, c.truth, c.truthParse} {
			_, _ = io.WriteString(sum, f.Path+"\x00"+f.SHA256+"\n")
		}
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// read reads one verified file of a case.
func read(ctx context.Context, source dataset.Source, f dataset.File) ([]byte, error) {
	body, err := dataset.ReadVerified(ctx, source, f, dataset.MaxPictureBytes)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.Path, err)
	}
	return body, nil
}

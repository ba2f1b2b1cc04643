package synth

import (
	"errors"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/synth/drape"
	"github.com/braincreators/tryon-operator/internal/synth/draw"
	"github.com/braincreators/tryon-operator/internal/synth/garment"
	"github.com/braincreators/tryon-operator/internal/synth/person"
)

func small(dir string) Options {
	return Options{Dir: dir, Seed: 7, Train: 5, Test: 3, Height: 64, Width: 48}
}

func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func generate(t *testing.T, o Options) map[string]string {
	t.Helper()
	if err := Generate(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return readTree(t, o.Dir)
}

func TestOneAndManyWorkersWriteTheSameBytes(t *testing.T) {
	one, many := small(filepath.Join(t.TempDir(), "one")), small(filepath.Join(t.TempDir(), "many"))
	one.Workers, many.Workers = 1, 4
	if !cmp.Equal(generate(t, one), generate(t, many)) {
		t.Error("the datasets differ")
	}
}

func TestARowDependsOnNothingButSeedSplitAndIndex(t *testing.T) {
	few := generate(t, small(filepath.Join(t.TempDir(), "few")))
	o := small(filepath.Join(t.TempDir(), "more"))
	o.Train = 8
	more := generate(t, o)
	for name, body := range few {
		if strings.HasPrefix(name, "train/") && more[name] != body {
			t.Errorf("%s changed with the number of rows", name)
		}
	}
	o = small(filepath.Join(t.TempDir(), "other"))
	o.Seed = 8
	if other := generate(t, o); other["train/image/000000_00.png"] == few["train/image/000000_00.png"] {
		t.Error("another seed drew the same person")
	}
}

func TestTheSplitsHaveTheFilesThatTheListsName(t *testing.T) {
	files := generate(t, small(filepath.Join(t.TempDir(), "ds")))
	rows := 0
	for _, split := range []string{"train", "test"} {
		for line := range strings.Lines(files[split+"_pairs.txt"]) {
			rows++
			names := strings.Fields(line)
			person, garment := strings.TrimSuffix(names[0], ".png"), strings.TrimSuffix(names[1], ".png")
			if (person == garment) != (split == "train") {
				t.Errorf("%s pairs %s with %s", split, person, garment)
			}
			want := []string{
				"image/" + person + ".png", "cloth/" + garment + ".png", "cloth-mask/" + garment + ".png", "image-parse-v3/" + person + ".png",
				"openpose_json/" + person + "_keypoints.json", "agnostic-v3.2/" + person + ".png",
			}
			if split == "test" {
				want = append(want, "truth/"+person+"__"+garment+".png", "truth-parse/"+person+"__"+garment+".png")
			}
			for _, name := range want {
				if files[split+"/"+name] == "" {
					t.Errorf("%s/%s is missing", split, name)
				}
			}
		}
	}
	if rows != 8 {
		t.Errorf("the lists have %d rows, want 8", rows)
	}
}

func TestTheAgnosticPictureHidesEveryPixelOfTheGarment(t *testing.T) {
	c := draw.NewCanvas(96, 128)
	for row := range 12 {
		drape.Worn(c, person.Make(5, splitTrain, row), garment.Make(5, splitTrain, row))
		labels := c.Labels()
		hidden := agnostic(c.Picture(), labels)
		for i, l := range grow(maskOf(labels, draw.Only(draw.LabelUpper)), 96, 1) {
			if l && (hidden.Pix[4*i] != 128 || hidden.Pix[4*i+1] != 128 || hidden.Pix[4*i+2] != 128) {
				t.Fatalf("row %d shows pixel (%d, %d) next to the garment", row, i%96, i/96)
			}
		}
	}
}

func TestAnOccupiedTargetIsLeftAloneUnlessForced(t *testing.T) {
	o := small(t.TempDir())
	mine := filepath.Join(o.Dir, "mine.txt")
	if err := os.WriteFile(mine, []byte("keep"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Generate(t.Context(), o); !errors.Is(err, ErrNotEmpty) {
		t.Fatalf("got error %v, want ErrNotEmpty", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Fatal("the refused target lost its file")
	}
	o.Force = true
	if files := generate(t, o); files["mine.txt"] != "" || files["train_pairs.txt"] == "" {
		t.Error("the forced target does not hold the dataset alone")
	}
	rest, err := filepath.Glob(filepath.Join(filepath.Dir(o.Dir), ".*partial*"))
	if err != nil || len(rest) > 0 {
		t.Errorf("drafts were left behind: %v %v", rest, err)
	}
}

func TestImpossibleRequestsAreRefusedWithWords(t *testing.T) {
	tests := map[string]struct {
		change func(*Options)
		want   string
	}{
		"no rows":           {func(o *Options) { o.Train, o.Test = 0, 0 }, "rows must be"},
		"one test row":      {func(o *Options) { o.Test = 1 }, "no other garment"},
		"a landscape frame": {func(o *Options) { o.Width = 200 }, "0.6 to 1"},
		"a huge picture":    {func(o *Options) { o.Height, o.Width = 50_000, 40_000 }, "height must be"},
		"an unknown fault":  {func(o *Options) { o.Break = []string{"gremlins"} }, "known: missing-file"},
		"an unknown format": {func(o *Options) { o.Photo = "webp" }, "use png or jpg"},
		"no target":         {func(o *Options) { o.Dir = "" }, "no target"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := small(filepath.Join(t.TempDir(), "x"))
			tt.change(&o)
			if err := Generate(t.Context(), o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestPhotographsCanBeJPEGWhileMapsStayPNG(t *testing.T) {
	o := small(filepath.Join(t.TempDir(), "jpg"))
	o.Photo = PhotoJPEG
	files := generate(t, o)
	if files["train/image/000000_00.jpg"] == "" || files["train/image-parse-v3/000000_00.png"] == "" || !strings.Contains(files["train_pairs.txt"], ".jpg ") {
		t.Error("want JPEG photographs, PNG maps, and a list that names .jpg")
	}
	img, err := readPicture(filepath.Join(o.Dir, "train/image-parse-v3/000000_00.png"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := img.(*image.Paletted); !ok {
		t.Errorf("the parse map is %T, want a palette", img)
	}
}

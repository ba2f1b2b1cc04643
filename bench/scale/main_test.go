package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestThePageShowsWhatTheProgramMeasures(t *testing.T) {
	folder, docs := t.TempDir(), filepath.Join("..", "..", "docs")
	committed := map[string]string{}
	for _, name := range []string{page, picture} {
		text, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil {
			t.Fatal(err)
		}
		committed[name] = string(text)
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(folder); err != nil {
		t.Fatal(err)
	}
	for name, want := range committed {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("docs/%s is not what `go run ./bench/scale` makes (-committed +made):\n%s", name, diff)
		}
	}
}

func TestAPageWithoutAPlaceForTheFiguresIsAnError(t *testing.T) {
	for _, text := range []string{"", compared.begin, compared.end, "text\n" + compared.end} {
		if _, err := compared.fill([]byte(text), "figures"); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestTheMedianAndItsInterval(t *testing.T) {
	if got := median([]float64{5, 1, 3, 2}); got != 2.5 {
		t.Errorf("median is %v, want 2.5", got)
	}
	if low, high := interval([]float64{2, 2, 2, 2}); low != 2 || high != 2 {
		t.Errorf("interval of equal values is %v to %v", low, high)
	}
	if low, high := interval([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9}); low < 2 || low >= 5 || high > 8 || high <= 5 {
		t.Errorf("interval of 1 to 9 is %v to %v", low, high)
	}
}

package shoppers_test

import (
	"bytes"
	"testing"

	"github.com/braincreators/tryon-operator/hack/shoppers"
)

func TestEveryPersonWishesForEveryGarmentOnceInAsManyRoundsAsThereAre(t *testing.T) {
	const persons = 3
	wishes, err := shoppers.Draw(t.Context(), t.TempDir(), 1, persons)
	if err != nil || len(wishes) != persons {
		t.Fatalf("%d wishes (%v), want %d", len(wishes), err, persons)
	}
	seen := map[string]bool{}
	for i, w := range shoppers.Mix(wishes, persons) {
		if !bytes.Equal(w.Person, wishes[i%persons].Person) {
			t.Errorf("wish %d is not that of person %d: each round goes over the persons in their order", i, i%persons)
		}
		seen[string(w.Person)+string(w.Garment)] = true
	}
	if len(seen) != persons*persons {
		t.Errorf("%d different wishes, want %d", len(seen), persons*persons)
	}
}

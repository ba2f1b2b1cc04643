package strict_test

import (
	"testing"

	"github.com/braincreators/tryon-operator/internal/strict"
)

func TestOnlyOneKnownDocumentWithinTheLimitIsTaken(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want bool
	}{
		"a document":       {`{"a":1}`, true},
		"white space":      {" {\"a\":1}\n", true},
		"over the limit":   {`{"a":1            }`, false},
		"an unknown field": {`{"b":1}`, false},
		"two documents":    {`{"a":1}{}`, false},
		"a cut document":   {`{"a":`, false},
		"nothing":          {``, false},
	} {
		t.Run(name, func(t *testing.T) {
			var into struct{ A int }
			if err := strict.Decode([]byte(test.body), 16, &into); (err == nil) != test.want {
				t.Errorf("%q: %v, want it taken: %t", test.body, err, test.want)
			}
		})
	}
}

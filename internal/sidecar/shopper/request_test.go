package shopper

import (
	"testing"

	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

func FuzzDecode(f *testing.F) {
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"person\"\r\n\r\np\r\n"+
		"--x\r\nContent-Disposition: form-data; name=\"garment\"\r\n\r\ng\r\n--x--\r\n"))
	f.Add("application/json", []byte(`{"person":"AA==","garmentId":"a","seed":3}`))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		_, err := Decode(contentType, body, Limits{ImageBytes: 1 << 20, Categories: []string{"tops"}})
		if err != nil && problem.Of(err).Code == problem.CodeInternal {
			t.Errorf("untyped error %v", err)
		}
	})
}

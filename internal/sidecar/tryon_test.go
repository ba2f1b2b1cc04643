package sidecar

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/color"
	"image/jpeg"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/shopper"
)

func TestATryOnPutsTheGarmentOnThePersonAndLeavesTheRestAlone(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	contentType, body := form(t, usual(t))
	resp, out := post(t, p.front, contentType, body, "Accept", "image/png")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != shopper.TypePNG || resp.Header.Get("Tryon-Version") != "tops-v1" {
		t.Fatalf("%s %v %.300s", resp.Status, resp.Header, out)
	}
	got, photo := decodePNG(t, out), person(180, 240)
	if got.Rect != photo.Rect {
		t.Fatalf("the reply has %v, the photo %v", got.Rect, photo.Rect)
	}
	if c := got.RGBAAt(90, 80); c.R < 150 || c.B > 90 {
		t.Errorf("the chest is %v, want the garment's red", c)
	}
	for name, at := range map[string][2]int{"the face": {90, 30}, "a corner": {2, 2}, "the wall beside": {20, 120}, "the legs": {90, 200}} {
		if got.RGBAAt(at[0], at[1]) != photo.RGBAAt(at[0], at[1]) {
			t.Errorf("%s changed from %v to %v", name, photo.RGBAAt(at[0], at[1]), got.RGBAAt(at[0], at[1]))
		}
	}
	if want := p.Status(); want.Served != 1 || want.InFlight != 0 || !want.Ready {
		t.Errorf("status %+v", want)
	}
}

func TestJSONRequestsAndRepliesWork(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	body, err := json.Marshal(map[string]any{
		"person":   "data:image/png;base64," + base64.StdEncoding.EncodeToString(pngOf(t, person(180, 240))),
		"garment":  pngOf(t, shirt(150, 200, paper)),
		"category": "tops", "seed": 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, out := post(t, p.front, "application/json", body, "Accept", "application/json")
	var got struct {
		Image    []byte
		Version  string
		Scores   picture.Scores
		Seed     *int64
		Warnings []string
	}
	if err := json.Unmarshal(out, &got); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %v %.300s", resp.Status, err, out)
	}
	if decodePNG(t, got.Image).Rect.Dx() != 180 || got.Version != "tops-v1" || *got.Seed != 7 || len(got.Warnings) != 1 {
		t.Errorf("reply %+v", got.Warnings)
	}
	if got.Scores.WarpAreaRatio != 1 || got.Scores.OutsideChange != 0 || got.Scores.Changed <= 0.1 {
		t.Errorf("scores %+v; the graph warps nothing and changes nothing outside", got.Scores)
	}
}

func TestACatalogueGarmentIsWornById(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "red-shirt.png"), pngOf(t, shirt(150, 200, paper)))
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.Catalogue = "file://" + dir })
	contentType, body := form(t, map[string][]byte{"person": pngOf(t, person(180, 240)), "garmentId": []byte("red-shirt")})
	resp, out := post(t, p.front, contentType, body, "Accept", "image/jpeg")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %.300s", resp.Status, out)
	}
	img, err := jpeg.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if r, _, b, _ := img.At(90, 80).RGBA(); r>>8 < 150 || b>>8 > 90 {
		t.Errorf("the chest is %v, want the garment's red", img.At(90, 80))
	}
	for _, id := range []string{"blue-shirt", "../red-shirt"} {
		contentType, body = form(t, map[string][]byte{"person": pngOf(t, person(180, 240)), "garmentId": []byte(id)})
		resp, out = post(t, p.front, contentType, body)
		if code, err := codeOf(resp, out); err != nil || code != problem.CodeGarmentNotFound {
			t.Errorf("%s: %s, %v", id, code, err)
		}
	}
}

func TestAGivenMaskIsUsed(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	fields := usual(t)
	// No mask can be derived from this background, and the given one covers the stripe only.
	busy := shirt(150, 200, paper)
	for i := range 150 {
		for _, y := range []int{0, 1, 198, 199} {
			busy.SetRGBA(i, y, color.RGBA{byte(i * 91), byte(i * 53), byte(i * 17), 255})
		}
	}
	for i := range 200 {
		for _, x := range []int{0, 1, 148, 149} {
			busy.SetRGBA(x, i, color.RGBA{byte(i * 91), byte(i * 53), byte(i * 17), 255})
		}
	}
	fields["garment"] = pngOf(t, busy)
	contentType, body := form(t, fields)
	resp, out := post(t, p.front, contentType, body)
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeGarmentUnsupported {
		t.Errorf("without a mask: %s, %v", code, err)
	}
	fields["mask"] = pngOf(t, shirt(150, 200, color.RGBA{0, 0, 0, 255}))
	contentType, body = form(t, fields)
	resp, out = post(t, p.front, contentType, body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("with a mask: %s %.300s", resp.Status, out)
	}
	if got := decodePNG(t, out).RGBAAt(90, 102); got.R < 200 || got.G < 200 {
		t.Errorf("the stripe is %v, want white", got)
	}
	if got := decodePNG(t, out).RGBAAt(90, 140); got != person(180, 240).RGBAAt(90, 140) {
		t.Errorf("below the mask it is %v, want the old garment", got)
	}
}

func TestTheModelDescribesItself(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, p.front+"/v1/model", nil)
	resp, body := do(t, req)
	var got modelReply
	if err := json.Unmarshal(body, &got); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %v", body, err)
	}
	if got.Version != "tops-v1" || got.Height != netH || got.Width != netW || got.Signature != "tryon/v1" {
		t.Errorf("%s", body)
	}
}

func TestLookAtTheReply(t *testing.T) {
	dir := os.Getenv("TRYON_LOOK")
	if dir == "" {
		dir = t.TempDir()
	}
	p := start(t, runtimetest.Graph{})
	contentType, body := form(t, map[string][]byte{"person": pngOf(t, person(720, 960)), "garment": pngOf(t, shirt(150, 200, paper))})
	resp, out := post(t, p.front, contentType, body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, out)
	}
	writeFile(t, filepath.Join(dir, "tryon.png"), out)
	t.Log(resp.Header.Get("Server-Timing"))
}

func TestAPodSaysWhetherItCanReadItsCatalogue(t *testing.T) {
	if p := start(t, runtimetest.Graph{}); p.Status().Catalogue != nil {
		t.Errorf("without one: %+v", p.Status().Catalogue)
	}
	dir := t.TempDir()
	empty := start(t, runtimetest.Graph{}, func(o *Options) { o.Catalogue = "file://" + dir })
	until(t, "the first look", func() bool { return empty.Status().Catalogue != nil })
	if got := empty.Status(); !strings.Contains(got.Catalogue.Trouble, "holds no garment") || !got.Ready {
		t.Errorf("an empty one: %+v, and ready is %t", got.Catalogue, got.Ready)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.png"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	full := start(t, runtimetest.Graph{}, func(o *Options) { o.Catalogue = "file://" + dir })
	until(t, "the first look", func() bool { return full.Status().Catalogue != nil })
	if got := full.Status().Catalogue; got.Trouble != "" {
		t.Errorf("one with a garment: %+v", got)
	}
}

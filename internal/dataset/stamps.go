package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// stamps remember, per path, what a source said of a file when it was last hashed.
type stamps map[string]stampEntry

type stampEntry struct {
	Size   int64  `json:"size"`
	Stamp  string `json:"stamp"`
	SHA256 string `json:"sha256"`
}

func (s stamps) find(o Object) (string, bool) {
	e, ok := s[o.Path]
	if !ok || e.Size != o.Size || e.Stamp != o.Stamp || o.Stamp == "" || len(e.SHA256) != 2*sha256.Size {
		return "", false
	}
	return e.SHA256, true
}

func stampsName(uri string) string {
	sum := sha256.Sum256([]byte(uri))
	return "pins/" + hex.EncodeToString(sum[:]) + "/stamps.json"
}

// readStamps gives what is remembered; a missing or unreadable document only costs time.
func readStamps(ctx context.Context, store Documents, uri string) stamps {
	body, err := store.ReadDocument(ctx, stampsName(uri), maxManifestBytes)
	if err != nil {
		return nil
	}
	var out stamps
	if json.Unmarshal(body, &out) != nil {
		return nil
	}
	return out
}

// writeStamps remembers this pin. It is only a cache: one that cannot be written, or is too large, is left out.
func writeStamps(ctx context.Context, store Documents, uri string, objects []Object, m *Manifest) {
	out := make(stamps, len(objects))
	for i, o := range objects {
		out[o.Path] = stampEntry{o.Size, o.Stamp, m.Files[i].SHA256}
	}
	body, err := json.Marshal(out)
	if err != nil || len(body) > maxManifestBytes {
		return
	}
	_ = store.PutDocument(ctx, stampsName(uri), body)
}

// Package compare judges one pair of answers, a stable version's and a candidate's to the same request, and adds it to the evidence. Requests
// of shoppers in shadow (internal/sidecar/shadow) and known ones in a replay (internal/replay) are compared by it alike. It is pure.
package compare

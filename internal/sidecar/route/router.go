package route

import (
	"net/http"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/sidecar/share"
)

// HeaderForwarded marks a request that a stable pod sent to its candidate; it is never sent on again.
const HeaderForwarded = "Tryon-Forwarded"

// HeaderShadow marks a copy of a request that a stable pod has answered already; it gives way to whatever a shopper waits for.
const HeaderShadow = "Tryon-Shadow"

// HeaderCapture is how a request says that it is not to be captured ("no"), whoever answers it.
const HeaderCapture = "Tryon-Capture"

// Router deals requests between the version of this pod and a candidate, as the control document says.
type Router struct {
	version string
	applied control.Applied
	split   share.Deal
	sample  share.Deal
	client  *http.Client
}

// New makes a router of a pod that serves a version. Until a document is applied, this pod answers everything.
func New(version string) *Router {
	return &Router{version: version, client: newClient()}
}

// Document is the control document in force.
func (r *Router) Document() control.Document { return r.applied.Current() }

// Apply puts a control document in force; its result is that of control.Applied.
func (r *Router) Apply(doc control.Document) (changed bool, err error) { return r.applied.Apply(doc) }

// Next gives the candidate that is to answer the next request, nil when this pod is.
// From its promotion until the old pods are gone, a pod of the new version still reads that it is the candidate: what it got is its own to answer.
func (r *Router) Next(header http.Header) *control.Candidate {
	candidate := r.applied.Current().Candidate
	if candidate == nil || candidate.Version == r.version || header.Get(HeaderForwarded) != "" || !r.split.Next(candidate.Weight) {
		return nil
	}
	return candidate
}

// Compared gives the version that this pod compares itself with, nil for none.
func (r *Router) Compared() *control.Shadow {
	shadow := r.applied.Current().Shadow
	if shadow == nil || shadow.Version == r.version {
		return nil
	}
	return shadow
}

// Sample gives the version to which the request just answered is to be copied, nil when it is not.
func (r *Router) Sample(header http.Header) *control.Shadow {
	shadow := r.Compared()
	if shadow == nil || header.Get(HeaderForwarded) != "" || header.Get(HeaderShadow) != "" || !r.sample.Next(shadow.SamplePercent) {
		return nil
	}
	return shadow
}

// Close closes idle connections.
func (r *Router) Close() { r.client.CloseIdleConnections() }

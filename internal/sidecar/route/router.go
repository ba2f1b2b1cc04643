package route

import (
	"net/http"
	"sync"
	"time"

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

	mu sync.Mutex
	// tally is that of the newest document under which a request came; nil before the first.
	tally *tally
}

// New makes a router of a pod that serves a version. Until a document is applied, this pod answers everything.
func New(version string) *Router {
	return &Router{version: version, client: newClient()}
}

// Document is the control document in force.
func (r *Router) Document() control.Document { return r.applied.Current() }

// Apply puts a control document in force; its result is that of control.Applied.
func (r *Router) Apply(doc control.Document) (changed bool, err error) { return r.applied.Apply(doc) }

// Next says whose turn the next request is. tardy is how long nothing may have come from the candidate before it is suspected.
// From its promotion until the old pods are gone, a pod of the new version still reads that it is the candidate: what it got is its own to answer.
func (r *Router) Next(header http.Header, tardy time.Duration) *Turn {
	document, tally := r.count()
	candidate := document.Candidate
	if candidate == nil || candidate.Weight == 0 || candidate.Version == r.version || header.Get(HeaderForwarded) != "" {
		return &Turn{router: r}
	}
	if !r.split.Next(candidate.Weight) {
		return &Turn{router: r, tally: tally}
	}
	flight := tally.breaker.admit(time.Now(), tardy)
	if flight == nil {
		return &Turn{router: r}
	}
	return &Turn{Candidate: candidate, router: r, tally: tally, flight: flight}
}

// count gives the document in force and its tally. The document is read under the lock, so that neither goes back.
func (r *Router) count() (control.Document, *tally) {
	r.mu.Lock()
	defer r.mu.Unlock()
	document := r.applied.Current()
	if r.tally == nil || r.tally.generation != document.Generation {
		r.tally = r.tally.next(document)
	}
	return document, r.tally
}

// Forwards says what came of the requests under the document in force; nil when it gives no other version a share.
func (r *Router) Forwards() *control.Forwards {
	document, tally := r.count()
	if c := document.Candidate; c == nil || c.Weight == 0 || c.Version == r.version {
		return nil
	}
	return tally.read()
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

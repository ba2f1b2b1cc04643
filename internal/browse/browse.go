package browse

import (
	"context"
	"errors"
	"html"
	"html/template"
	"net/http"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/braincreators/tryon-operator/internal/artefact"
)

// maxDocument bounds one document, in bytes; reports with pictures are a few MiB.
const maxDocument = 64 << 20

// maxTitles bounds the pages whose titles are read for one list, maxHead the bytes that are read of each, and atOnce how many are read at
// the same time: a page with its pictures is megabytes, and its title stands at its beginning.
const (
	maxTitles = 64
	maxHead   = 4096
	atOnce    = 8
)

// folders that hold reports for people.
var folders = []string{"datasets/", "evaluations/", "judgements/", "versions/"}

// types are the kinds of document that are served.
var types = map[string]string{
	".json": "application/json",
	".html": "text/html; charset=utf-8",
	".xml":  "application/xml",
	".png":  "image/png",
}

// documents is what the handler needs of an artefact store.
type documents interface {
	ReadDocument(ctx context.Context, name string, limit int64) ([]byte, error)
	ReadHead(ctx context.Context, name string, limit int64) ([]byte, error)
	ListDocuments(ctx context.Context, prefix string) ([]string, error)
}

// Handler serves a list of the store's reports at / and each report at its name.
func Handler(store documents) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { list(w, r, store) })
	mux.HandleFunc("GET /{name...}", func(w http.ResponseWriter, r *http.Request) { show(w, r, store) })
	return mux
}

func show(w http.ResponseWriter, r *http.Request, store documents) {
	name := r.PathValue("name")
	contentType, known := types[path.Ext(name)]
	if !known || !served(name) {
		http.Error(w, "no such report; / lists them", http.StatusNotFound)
		return
	}
	body, err := store.ReadDocument(r.Context(), name, maxDocument)
	switch {
	case errors.Is(err, artefact.ErrNotFound), errors.Is(err, artefact.ErrUnsafePath):
		http.Error(w, "no such report; / lists them", http.StatusNotFound)
		return
	case err != nil:
		http.Error(w, "the report cannot be read: "+err.Error(), http.StatusBadGateway)
		return
	}
	guard(w.Header())
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(body)
}

func served(name string) bool {
	for _, folder := range folders {
		if strings.HasPrefix(name, folder) {
			return true
		}
	}
	return false
}

// guard keeps a report from running scripts or loading anything from elsewhere, whatever it contains.
func guard(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data: 'self'; style-src 'unsafe-inline'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

var index = template.Must(template.New("index").Funcs(template.FuncMap{"base": path.Base}).Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Try-on reports</title>
<style>body{font:15px/1.6 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem;color:#222;background:#fff}
a{color:#0a58ca;text-decoration:none;margin-left:.8rem}li{margin-bottom:.7rem}small{display:block;font:12px ui-monospace,monospace;overflow-wrap:anywhere;opacity:.7}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}a{color:#7db3ff}}</style>
<h1>Reports</h1>{{if .}}<ul>{{range .}}<li><b>{{.Title}}</b>{{range .Files}}<a href="{{.}}">{{base .}}</a>{{end}}<small>{{.Folder}}</small></li>{{end}}</ul>{{else}}<p>No report has been written yet.</p>{{end}}</html>`))

// entry is one folder of the list.
type entry struct {
	Title, Folder string
	Files         []string
}

func list(w http.ResponseWriter, r *http.Request, store documents) {
	var entries []entry
	for _, folder := range folders {
		found, err := store.ListDocuments(r.Context(), folder)
		if err != nil {
			http.Error(w, "the store cannot be listed: "+err.Error(), http.StatusBadGateway)
			return
		}
		entries = append(entries, gather(found)...)
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range entries[:min(len(entries), maxTitles)] {
		group.Go(func() error {
			entries[i].Title = titleOf(r.Context(), store, entries[i])
			return nil
		})
	}
	_ = group.Wait() // a page without a title is listed too
	guard(w.Header())
	w.Header().Set("Content-Type", types[".html"])
	_ = index.Execute(w, entries)
}

// gather puts what a person can look at together by folder; the names are sorted.
func gather(names []string) []entry {
	var entries []entry
	for _, name := range names {
		if ext := path.Ext(name); ext != ".html" && ext != ".png" {
			continue
		}
		folder := path.Dir(name)
		if n := len(entries); n == 0 || entries[n-1].Folder != folder {
			entries = append(entries, entry{Title: "Report", Folder: folder})
		}
		last := &entries[len(entries)-1]
		last.Files = append(last.Files, name)
	}
	return entries
}

// titleOf reads what a folder's page calls itself: its name is a digest, by which nobody finds a version.
func titleOf(ctx context.Context, store documents, e entry) string {
	for _, name := range e.Files {
		if path.Ext(name) != ".html" {
			continue
		}
		head, err := store.ReadHead(ctx, name, maxHead)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(head), "<title>")
		if title, _, found := strings.Cut(rest, "</title>"); found {
			return html.UnescapeString(title)
		}
	}
	return e.Title
}

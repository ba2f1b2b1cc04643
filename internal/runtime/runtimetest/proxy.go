package runtimetest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"
)

// Proxy hands requests on to the server at an address. Their bodies are read first: httputil.ReverseProxy sends and receives at the same time, and
// when the server answers before the end of the body was seen, net/http closes the body for the reply, and with it the connection under the answer.
func Proxy(t testing.TB, address string) http.Handler {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(u)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			// Whoever asked has gone.
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		pass.ServeHTTP(w, r)
	})
}

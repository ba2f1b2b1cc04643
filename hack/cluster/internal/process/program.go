package process

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Program is one program of the cluster and how to see that it works.
type Program struct {
	Name    string
	Path    string
	Args    []string
	Env     []string // besides the starter's
	Listens []string // addresses that must be free before it starts
	Usual   time.Duration
	Ready   Probe
}

// A Probe tells whether a program works now; the error says what is missing.
type Probe func(ctx context.Context) error

// probeTime bounds one attempt.
const probeTime = 3 * time.Second

// HTTP expects a success from a URL.
func HTTP(url string) Probe {
	return func(ctx context.Context) error { return get(ctx, &http.Client{}, url) }
}

// HTTPS expects a success from a URL whose certificate an authority signed.
func HTTPS(url, authorityFile string) Probe {
	return func(ctx context.Context) error {
		content, err := os.ReadFile(authorityFile)
		if err != nil {
			return fmt.Errorf("reading authority: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(content) {
			return fmt.Errorf("no certificate in %s", authorityFile)
		}
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
		defer transport.CloseIdleConnections()
		return get(ctx, &http.Client{Transport: transport}, url)
	}
}

// Unix expects that somebody listens on a socket file.
func Unix(path string) Probe {
	return func(ctx context.Context) error {
		connection, err := (&net.Dialer{Timeout: probeTime}).DialContext(ctx, "unix", path)
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		return connection.Close()
	}
}

func get(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("making request: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return fmt.Errorf("reading answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, response.Status, strings.TrimSpace(string(body)))
	}
	return nil
}

// CheckFree fails when an address that the program needs is taken.
func (p Program) CheckFree(ctx context.Context) error {
	var errs []error
	var listen net.ListenConfig
	for _, address := range p.Listens {
		listener, err := listen.Listen(ctx, "tcp", address)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s needs the address %s: %w", p.Name, address, err))
			continue
		}
		errs = append(errs, listener.Close())
	}
	return errors.Join(errs...)
}

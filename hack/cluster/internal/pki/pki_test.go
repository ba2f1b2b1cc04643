package pki

import (
	"crypto/x509"
	"os"
	"testing"
)

func TestACertificateIsAcceptedByItsOwnAuthorityOnly(t *testing.T) {
	folder := Folder(t.TempDir())
	certificates := []Certificate{{
		Name: "server", Authority: "ca", CommonName: "alice", Organization: "admins", Hosts: []string{"10.0.0.1", "example.test"},
	}}
	if err := folder.Ensure([]string{"ca", "other"}, "signing", certificates); err != nil {
		t.Fatal(err)
	}
	server, _, err := folder.load("server")
	if err != nil {
		t.Fatal(err)
	}
	if got := server.Subject.Organization; len(got) != 1 || got[0] != "admins" {
		t.Errorf("organization = %v, want [admins]", got)
	}
	for authority, want := range map[string]bool{"ca": true, "other": false} {
		certificate, _, err := folder.load(authority)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(certificate)
		for _, host := range []string{"10.0.0.1", "example.test"} {
			_, err := server.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
			if (err == nil) != want {
				t.Errorf("verifying %s against %s: %v, want accepted %v", host, authority, err, want)
			}
		}
	}
}

func TestEnsuringTwiceKeepsWhatIsThere(t *testing.T) {
	folder := Folder(t.TempDir())
	var before []byte
	for range 2 {
		if err := folder.Ensure([]string{"ca"}, "signing", nil); err != nil {
			t.Fatal(err)
		}
		now, err := os.ReadFile(folder.Key("ca"))
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && string(before) != string(now) {
			t.Error("the second call replaced the authority's key")
		}
		before = now
	}
}

func TestPrivateKeysAreReadableByTheirOwnerOnly(t *testing.T) {
	folder := Folder(t.TempDir())
	if err := folder.Ensure([]string{"ca"}, "signing", nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca", "signing"} {
		info, err := os.Stat(folder.Key(name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode of %s = %v, want 0600", name, info.Mode())
		}
	}
}

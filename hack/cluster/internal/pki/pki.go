package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// lifetime of all certificates; a cluster that is older is made anew.
const lifetime = 10 * 365 * 24 * time.Hour

// Folder holds <name>.crt and <name>.key pairs. Only its owner can read it.
type Folder string

// Certificate asks for one certificate that an authority of the same folder signs.
type Certificate struct {
	Name         string   // of the pair of files
	Authority    string   // name of the signing pair
	CommonName   string   // the user, when it is a client's
	Organization string   // the user's group
	Hosts        []string // DNS names and IP addresses, when it is a server's
}

// Cert is the path of a pair's certificate.
func (f Folder) Cert(name string) string { return filepath.Join(string(f), name+".crt") }

// Key is the path of a pair's private key.
func (f Folder) Key(name string) string { return filepath.Join(string(f), name+".key") }

// Ensure makes the authorities, the key pair that signs service account tokens and the certificates that are not there yet.
func (f Folder) Ensure(authorities []string, signingKey string, certificates []Certificate) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return fmt.Errorf("making certificate folder: %w", err)
	}
	for _, name := range authorities {
		if err := f.once(name, func() error { return f.makeAuthority(name) }); err != nil {
			return err
		}
	}
	if err := f.once(signingKey, func() error { return f.makeSigningKey(signingKey) }); err != nil {
		return err
	}
	for _, certificate := range certificates {
		if err := f.once(certificate.Name, func() error { return f.makeCertificate(certificate) }); err != nil {
			return err
		}
	}
	return nil
}

// once skips a pair that is complete: the certificate is written last.
func (f Folder) once(name string, make func() error) error {
	_, err := os.Stat(f.Cert(name))
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for certificate: %w", err)
	}
	if err := make(); err != nil {
		return fmt.Errorf("making certificate %s: %w", name, err)
	}
	return nil
}

func (f Folder) makeAuthority(name string) error {
	template, err := template(pkix.Name{CommonName: "tryon-cluster-" + name})
	if err != nil {
		return err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return f.sign(name, template, template, key, key)
}

func (f Folder) makeCertificate(c Certificate) error {
	template, err := template(pkix.Name{CommonName: c.CommonName})
	if err != nil {
		return err
	}
	if c.Organization != "" {
		template.Subject.Organization = []string{c.Organization}
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(c.Hosts) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range c.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	authority, authorityKey, err := f.load(c.Authority)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return f.sign(c.Name, template, authority, key, authorityKey)
}

// makeSigningKey writes a private key and, in place of a certificate, its public half.
func (f Folder) makeSigningKey(name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := f.writeKey(name, key); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return writePEM(f.Cert(name), "PUBLIC KEY", public)
}

func (f Folder) sign(name string, template, parent *x509.Certificate, key *ecdsa.PrivateKey, signer crypto.Signer) error {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return err
	}
	if err := f.writeKey(name, key); err != nil {
		return err
	}
	return writePEM(f.Cert(name), "CERTIFICATE", der)
}

func (f Folder) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(f.Key(name), "PRIVATE KEY", der)
}

func (f Folder) load(name string) (*x509.Certificate, crypto.Signer, error) {
	certDER, err := readPEM(f.Cert(name))
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(certDER)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := readPEM(f.Key(name))
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(keyDER)
	if err != nil {
		return nil, nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("key %s cannot sign", name)
	}
	return certificate, signer, nil
}

func template(subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: subject,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime), // clocks of laptops jump
	}, nil
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("no PEM block in %s", path)
	}
	return block.Bytes, nil
}

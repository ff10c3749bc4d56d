package membership

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"holdfast/internal/rules"
)

// The kinds of members.
const (
	Node     = "node"
	Sentinel = "sentinel"
)

// Peer says who a member is. Whoever has the group-key could say any name: it tells apart who is met, it grants
// nothing.
type Peer struct {
	Kind string // Node or Sentinel; empty: not a member
	Name string // a node's name, a sentinel's id
}

func (p Peer) String() string { return p.Kind + " " + p.Name }

// Group is what the group-key of a group gives.
type Group struct {
	gossip []byte
	ca     *x509.Certificate
	key    ed25519.PrivateKey
	pool   *x509.CertPool
}

// keySize is how many bytes of randomness a new group-key has.
const keySize = 32

// stretch is how often a group-key that a person made up is hashed, so that it takes long to guess; see NewKey for one
// that needs none.
const stretch = 600_000

// NewKey is a new random group-key: 64 hex digits.
func NewKey() string {
	b := make([]byte, keySize)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// Derive makes the keys of a group from its group-key: one of NewKey, or any text that all members share.
func Derive(groupKey string) (*Group, error) {
	if groupKey == "" {
		return nil, errors.New("the group-key is empty")
	}
	secret, err := hex.DecodeString(groupKey)
	if err != nil || len(secret) != keySize {
		if secret, err = pbkdf2.Key(sha256.New, groupKey, []byte("holdfast group-key"), stretch, keySize); err != nil {
			return nil, fmt.Errorf("deriving keys from the group-key: %w", err)
		}
	}
	gossip, err := hkdf.Key(sha256.New, secret, nil, "holdfast gossip 1", keySize)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of the gossip: %w", err)
	}
	if !rules.KeySeedsAuthority {
		secret = make([]byte, keySize)
	}
	seed, err := hkdf.Key(sha256.New, secret, nil, "holdfast authority 1", ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of the members' certificates: %w", err)
	}
	g := &Group{gossip: gossip, key: ed25519.NewKeyFromSeed(seed), pool: x509.NewCertPool()}
	g.ca, err = issue(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "holdfast group"}, NotBefore: validFrom,
		NotAfter: validTo,
		IsCA:     true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, g.key.Public().(ed25519.PublicKey), g.key)
	if err != nil {
		return nil, err
	}
	g.pool.AddCert(g.ca)
	return g, nil
}

// A certificate is as good as the group-key, which has no end: whether it is valid never depends on anybody's clock.
var (
	validFrom = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	validTo   = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	anyTime   = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Gossip is the key of the group's gossip, 32 bytes.
func (g *Group) Gossip() []byte {
	if g == nil {
		return nil
	}
	return g.gossip
}

// issue signs a certificate; its own key does without an issuer.
func issue(c, issuer *x509.Certificate, public ed25519.PublicKey, key ed25519.PrivateKey) (*x509.Certificate, error) {
	if issuer == nil {
		issuer = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, public, key)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// serverName is what certificates of a kind hold for a DNS name: it is what a TLS client checks anyway.
func serverName(kind string) string { return kind + ".holdfast.internal" }

// uri is how a certificate says whose it is.
func (p Peer) uri() *url.URL { return &url.URL{Scheme: "holdfast", Host: p.Kind, Path: "/" + p.Name} }

// peerOf reads whose certificate it is.
func peerOf(c *x509.Certificate) (Peer, error) {
	if len(c.URIs) != 1 || c.URIs[0].Scheme != "holdfast" || len(c.URIs[0].Path) < 2 {
		return Peer{}, errors.New("the certificate does not say whose it is")
	}
	p := Peer{Kind: c.URIs[0].Host, Name: c.URIs[0].Path[1:]}
	if p.Kind != Node && p.Kind != Sentinel {
		return Peer{}, fmt.Errorf("the certificate is one of a %q", p.Kind)
	}
	return p, nil
}

package membership

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"time"

	"holdfast/internal/rules"
)

// Member is one member that can prove that it is one. A nil Member is one of a group without a key: it proves nothing,
// and asks nobody for a proof.
type Member struct {
	self Peer
	base *tls.Config
}

// Line is what a connection is for. A handshake that was begun for one is refused where another is spoken.
type Line string

// The lines between members.
const (
	Quorum Line = "holdfast-quorum/1" // to a sentinel's port for clients: heartbeats, reports, consent
	Raft   Line = "holdfast-raft/1"   // to a sentinel's port for Raft
	Chain  Line = "holdfast-chain/1"  // to a node's port
)

// Hello is the first byte of a member's connection. No command begins with it.
const Hello = 0x16

// patience bounds a handshake, so that a stranger who begins one and falls silent is not waited for.
const patience = 5 * time.Second

// Why a connection is not a member's.
var (
	// ErrNoKey: a member with a key came to one without.
	ErrNoKey = errors.New("it proves itself with a group-key, but none is set here: set group-key to that of the group")
	// ErrStranger: where only members may connect somebody came who proves nothing.
	ErrStranger = errors.New("it is not a member: it does not prove that it knows the group-key")
)

// Member issues a member its certificate.
func (g *Group) Member(self Peer) (*Member, error) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("numbering a certificate: %w", err)
	}
	leaf, err := issue(&x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "holdfast member"}, NotBefore: validFrom,
		NotAfter: validTo,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth,
			x509.ExtKeyUsageServerAuth},
		DNSNames: []string{serverName(self.Kind)}, URIs: []*url.URL{self.uri()},
	}, g.ca, public, g.key)
	if err != nil {
		return nil, err
	}
	if p, err := peerOf(leaf); err != nil || p != self {
		return nil, fmt.Errorf("the name %q can't be in a certificate: %w", self.Name,
			errors.Join(err, fmt.Errorf("it says %q", p.Name)))
	}
	return &Member{self: self, base: &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}},
		RootCAs:                g.pool,
		ClientCAs:              g.pool,
		ClientAuth:             tls.RequireAndVerifyClientCert,
		SessionTicketsDisabled: true, // so that a server has nothing to say behind its handshake
		Time:                   func() time.Time { return anyTime },
	}}, nil
}

// config is for one connection; see, if not nil, judges who is met.
func (m *Member) config(line Line, see func(Peer) error) *tls.Config {
	c := m.base.Clone()
	if rules.TellLines {
		c.NextProtos = []string{string(line)}
	}
	if line == Chain {
		c.CurvePreferences = []tls.CurveID{tls.CurveP256} // the quickest: nothing secret is said before it is left
	}
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if rules.TellLines && s.NegotiatedProtocol != string(line) {
			return fmt.Errorf("the connection is for %q, not %q", s.NegotiatedProtocol, line)
		}
		p, err := peerOf(s.PeerCertificates[0])
		if err == nil && see != nil {
			err = see(p)
		}
		return err
	}
	return c
}

// Client proves itself over a connection that was dialed, and has the other side prove that it is want; an empty name
// is any of that kind. What is said over the connection it returns is in TLS; peer is who is met. It closes conn when
// it fails.
func (m *Member) Client(ctx context.Context, conn net.Conn, line Line, want Peer) (proven net.Conn, peer Peer,
	err error) {
	if m == nil {
		return conn, Peer{}, nil
	}
	t, peer, err := m.client(ctx, conn, line, want)
	if err != nil {
		return nil, Peer{}, errors.Join(err, conn.Close())
	}
	return t, peer, nil
}

// Prove is Client for a link of the chain: once both have proven who they are, both leave TLS, and conn goes on in the
// clear. It leaves conn open also when it fails.
func (m *Member) Prove(ctx context.Context, conn net.Conn, want Peer) error {
	if m == nil {
		return nil
	}
	_, _, err := m.client(ctx, &records{Conn: conn}, Chain, want)
	return err
}

func (m *Member) client(ctx context.Context, conn net.Conn, line Line, want Peer) (t *tls.Conn, peer Peer, err error) {
	c := m.config(line, func(p Peer) error {
		peer = p
		if p.Kind != want.Kind || want.Name != "" && p.Name != want.Name {
			return fmt.Errorf("it is %s, not %s", p, want)
		}
		return nil
	})
	c.ServerName = serverName(want.Kind)
	first := &opening{Conn: conn}
	t = tls.Client(first, c)
	if err := shake(ctx, t, first); err != nil {
		return nil, Peer{}, fmt.Errorf("%s at %s does not prove that it is a member: %w", want, conn.RemoteAddr(), err)
	}
	return t, peer, nil
}

// Check is the other end of Prove, when a connection's first byte was Hello; head is what was read of it so far.
func (m *Member) Check(ctx context.Context, conn net.Conn, head []byte) (Peer, error) {
	if m == nil {
		return Peer{}, ErrNoKey
	}
	r := &records{Conn: conn, head: head}
	_, peer, err := m.server(ctx, r, Chain)
	if err == nil && len(r.head) > 0 {
		err = errors.New("it said more before it had seen who answers")
	}
	return peer, err
}

func (m *Member) server(ctx context.Context, conn net.Conn, line Line) (t *tls.Conn, peer Peer, err error) {
	first := &opening{Conn: conn}
	t = tls.Server(first, m.config(line, func(p Peer) error {
		peer = p
		return nil
	}))
	if err := shake(ctx, t, first); err != nil {
		return nil, Peer{}, fmt.Errorf("%s does not prove that it is a member: %w", conn.RemoteAddr(), err)
	}
	return t, peer, nil
}

// ProofError is why somebody has not proven to be a member, where that is no matter of the network alone.
type ProofError struct {
	Reason string
	Err    error
}

func (e *ProofError) Error() string { return e.Reason + ": " + e.Err.Error() }

// Unwrap is what TLS says.
func (e *ProofError) Unwrap() error { return e.Err }

// opening is a connection of which it is kept how the other side begins.
type opening struct {
	net.Conn
	said []byte
}

// maxSaid is how much of it is kept.
const maxSaid = 256

func (o *opening) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	if left := maxSaid - len(o.said); left > 0 {
		o.said = append(o.said, p[:min(n, left)]...)
	}
	return n, err
}

// words is what a server that does not do the handshake says instead, as one that is full does before it closes; empty
// where that is no error reply. The connection is of no use behind it.
func (o *opening) words() string {
	if !bytes.HasPrefix(o.said, []byte("-")) {
		return ""
	}
	conn := o.Conn
	if r, ok := conn.(*records); ok {
		conn = r.Conn // which has read no further than the head of a record
	}
	_ = conn.SetReadDeadline(time.Now().Add(wordsPatience))
	rest := make([]byte, maxSaid)
	for !bytes.Contains(o.said, []byte("\r\n")) && len(o.said) < maxSaid {
		n, err := conn.Read(rest[:maxSaid-len(o.said)])
		o.said = append(o.said, rest[:n]...)
		if err != nil {
			break
		}
	}
	line, _, _ := bytes.Cut(o.said[1:], []byte("\r\n"))
	return string(line)
}

// wordsPatience is how long the rest of a line is waited for.
const wordsPatience = 100 * time.Millisecond

// shake does the handshake, and says in plain words why it failed.
func shake(ctx context.Context, t *tls.Conn, first *opening) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := t.HandshakeContext(ctx)
	var plain tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var broken net.Error
	if err == nil {
		return nil
	}
	words := first.words()
	switch {
	case words != "":
		return &ProofError{fmt.Sprintf("it refuses in the clear: %q", words), err}
	case errors.As(err, &unknown):
		return &ProofError{"it has another group-key", err}
	case errors.As(err, &plain), errors.As(err, &broken), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, io.ErrClosedPipe):
		return &ProofError{"it has no group-key, or another, or is no member", err}
	}
	return &ProofError{"it proves something else", err}
}

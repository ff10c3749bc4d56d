package sentinel

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"holdfast/cluster"
)

// On each connection for Raft a preamble goes first: who dials sends its greeting, who accepts answers whether it is
// meant. Only then Raft's own messages follow, so that nobody's vote, and nobody's log, passes for another's: not that
// of a sentinel which lost its directory and has its predecessor's address, nor that of another installation. Both are
// JSON behind a length of two bytes.

// preambleMax bounds a greeting and its answer, preamblePatience how long each may be waited for.
const (
	preambleMax      = 1024
	preamblePatience = 2 * time.Second
)

// answer is what who accepts says to a greeting.
type answer struct {
	Refused      string `json:"refused,omitempty"`      // why it is not who is meant; empty: go on
	Installation string `json:"installation,omitempty"` // its own, if that is why

	Level  cluster.Level `json:"level,omitempty"`  // the newest that it understands
	Needed cluster.Level `json:"needed,omitempty"` // what who dials would have to understand, if that is why
}

// refusedError is the answer of somebody who is not meant.
type refusedError struct {
	why     string
	foreign error // it is of another installation; nil: that is not why
}

func (e *refusedError) Error() string { return "refused: " + e.why }
func (e *refusedError) Unwrap() error { return e.foreign }

// introduce says who dials, and returns an error unless the other side is who is meant, and not too old.
func (i *identity) introduce(conn net.Conn, to string, timeout time.Duration) error {
	g := i.greet(to)
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if err := writeFrame(conn, g); err != nil {
		return err
	}
	var a answer
	if err := readFrame(conn, &a); err != nil {
		return fmt.Errorf("no answer to the greeting: %w", err)
	}
	if err := cluster.TooOld("this sentinel", i.level, a.Needed); err != nil {
		return err
	}
	if a.Refused != "" {
		return &refusedError{why: a.Refused, foreign: cluster.Foreign("the sentinel at "+conn.RemoteAddr().String(),
			a.Installation, g.Installation)}
	}
	if err := i.tooOld(to, a.Level); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

// welcoming is an accepted connection. Its first Read takes the greeting, so that who accepts waits for nobody.
type welcoming struct {
	net.Conn
	level   cluster.Level        // the newest that this side understands
	check   func(greeting) error // nil: whoever dials has been let in, or refused
	refused func(g greeting, why error)
}

// Read reads what follows the greeting.
func (w *welcoming) Read(p []byte) (int, error) {
	if w.check != nil {
		if err := w.welcome(); err != nil {
			return 0, err
		}
	}
	return w.Conn.Read(p)
}

func (w *welcoming) welcome() error {
	check := w.check
	w.check = nil
	if err := w.SetDeadline(time.Now().Add(preamblePatience)); err != nil {
		return err
	}
	var g greeting
	if err := readFrame(w.Conn, &g); err != nil {
		return errors.Join(fmt.Errorf("no greeting: %w", err), w.Close())
	}
	if why := check(g); why != nil {
		w.refused(g, why)
		a, foreign, old := answer{Refused: why.Error()}, (*cluster.ForeignError)(nil), (*cluster.TooOldError)(nil)
		if errors.As(why, &old) {
			a.Needed = old.Needed
		}
		if errors.As(why, &foreign) {
			a.Installation = foreign.Ours
		}
		return errors.Join(why, writeFrame(w.Conn, a), w.Close())
	}
	if err := writeFrame(w.Conn, answer{Level: w.level}); err != nil {
		return errors.Join(err, w.Close())
	}
	return w.SetDeadline(time.Time{})
}

func writeFrame(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	text = text[:min(len(text), preambleMax)]
	_, err = w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...))
	return err
}

// readFrame takes not one byte more than the frame: what follows is Raft's.
func readFrame(r io.Reader, v any) error {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint16(size[:])
	if n > preambleMax {
		return fmt.Errorf("%d bytes are too many for a greeting", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

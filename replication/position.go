package replication

import (
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
)

// idDigits is the length of a replication id.
const idDigits = 40

// Position is a place in a log: Offset bytes of the history named ID lie before it. It is both how much a member holds
// and, counted from zero, the next byte that it wants. (Redis counts a log's bytes from one where it names a byte: in
// PSYNC, in second_repl_offset, in repl_backlog_first_byte_offset. Only wireOffset, ParsePSYNC and Log.Info know that.)
type Position struct {
	ID     string
	Offset int64
}

// String is "id:offset".
func (p Position) String() string { return p.ID + ":" + strconv.FormatInt(p.Offset, 10) }

// NewID draws a replication id, 40 hex digits, from random.
func NewID(random io.Reader) (string, error) {
	var raw [idDigits / 2]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("replication: new id: %w", err)
	}
	return hex.EncodeToString(raw[:]), nil
}

// Random reads from a source of randomness, for NewID.
type Random struct{ *rand.Rand }

func (r Random) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return len(p), nil
}

// wireOffset turns the offset of a byte, counted from zero, into Redis's count from one.
func wireOffset(offset int64) int64 { return offset + 1 }

// ParsePSYNC reads the two arguments of PSYNC. "? -1" asks for a full synchronisation; it becomes a position that no
// log resumes from. ok is false when offset is not a number.
func ParsePSYNC(id, offset string) (ask Position, ok bool) {
	n, err := strconv.ParseInt(offset, 10, 64)
	if err != nil {
		return Position{}, false
	}
	return Position{ID: id, Offset: n - 1}, true
}

// psyncArgs is the request for what follows p; a zero position asks for everything.
func psyncArgs(p Position) (id, offset string) {
	if p.ID == "" {
		return "?", "-1"
	}
	return p.ID, strconv.FormatInt(wireOffset(p.Offset), 10)
}

// validID reports whether s looks like a replication id.
func validID(s string) bool {
	if len(s) != idDigits {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

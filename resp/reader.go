package resp

import (
	"bufio"
	"fmt"
	"io"
	"math"
)

const (
	maxReplyLine  = 64 << 10 // longest line of a reply; the same as Limits.MaxInline's default
	maxReplyDepth = 32       // deepest nesting of aggregates
	maxReplyElems = 1 << 28  // most elements of one aggregate
	replyChunk    = 1 << 20  // long strings are allocated in steps, as their bytes arrive
)

// Reader turns bytes into replies, RESP2 and RESP3 alike.
type Reader struct {
	r *bufio.Reader
}

// NewReader returns a Reader with a buffer of its own; unless r is a *bufio.Reader, nothing else should read from r.
func NewReader(r io.Reader) *Reader {
	if b, ok := r.(*bufio.Reader); ok {
		return &Reader{b}
	}
	return &Reader{bufio.NewReaderSize(r, readSize)}
}

// Rest gives access to the bytes after the values read so far, for protocols that leave RESP after a reply.
func (r *Reader) Rest() *bufio.Reader { return r.r }

// Buffered returns the number of bytes that can be read without waiting.
func (r *Reader) Buffered() int { return r.r.Buffered() }

// ReadValue reads one whole value. Error replies are values too; an error is a ProtocolError or the connection's.
// Attributes are skipped.
func (r *Reader) ReadValue() (Value, error) { return r.value(0) }

func (r *Reader) value(depth int) (Value, error) {
	for {
		line, err := r.line()
		if err != nil {
			return Value{}, err
		}
		if len(line) == 0 {
			return Value{}, ProtocolError("empty reply line")
		}
		v := Value{Kind: Kind(line[0])}
		if err := r.fill(&v, line[1:], depth); err != nil {
			return Value{}, err
		}
		if v.Kind != KindAttribute {
			return v, nil
		}
	}
}

// fill completes v, of which the first line is read.
func (r *Reader) fill(v *Value, text []byte, depth int) (err error) {
	ok := true
	switch v.Kind {
	case KindSimple, KindError, KindBigNumber:
		v.Str = append([]byte{}, text...)
	case KindInt:
		v.Int, ok = ParseInt(text)
	case KindDouble:
		v.Float, ok = parseDouble(text)
	case KindBool:
		ok = string(text) == "t" || string(text) == "f"
		v.Bool = string(text) == "t"
	case KindNull:
		ok, v.Null = len(text) == 0, true
	case KindBulk, KindVerbatim:
		err = r.bulk(v, text)
	case KindArray, KindSet, KindPush, KindMap, KindAttribute:
		err = r.elements(v, text, depth)
	default:
		return ProtocolError(fmt.Sprintf("unknown reply type %q", byte(v.Kind)))
	}
	if !ok {
		return ProtocolError(fmt.Sprintf("malformed reply %q", append([]byte{byte(v.Kind)}, text...)))
	}
	return err
}

// parseDouble is ParseFloat and NaN, which is a reply though not an argument.
func parseDouble(text []byte) (float64, bool) {
	if s := string(text); s == "nan" || s == "-nan" {
		return math.NaN(), true
	}
	return ParseFloat(text)
}

func (r *Reader) bulk(v *Value, text []byte) error {
	n, ok := ParseInt(text)
	if n == -1 && v.Kind == KindBulk {
		v.Null = true
		return nil
	}
	if !ok || n < 0 || n > math.MaxInt32 {
		return ProtocolError("invalid bulk length")
	}
	size := int(n)
	for len(v.Str) < size {
		have := len(v.Str)
		step := min(size-have, max(replyChunk, have))
		v.Str = append(v.Str, make([]byte, step)...)
		if _, err := io.ReadFull(r.r, v.Str[have:]); err != nil {
			return unexpected(err)
		}
	}
	if v.Str == nil {
		v.Str = []byte{}
	}
	var end [2]byte
	if _, err := io.ReadFull(r.r, end[:]); err != nil {
		return unexpected(err)
	}
	if end != [2]byte{'\r', '\n'} {
		return ProtocolError("bulk string without its line end")
	}
	if v.Kind == KindVerbatim {
		if len(v.Str) < 4 || v.Str[3] != ':' {
			return ProtocolError("verbatim string without its format")
		}
		v.Str = v.Str[4:]
	}
	return nil
}

func (r *Reader) elements(v *Value, text []byte, depth int) error {
	n, ok := ParseInt(text)
	if n == -1 && v.Kind == KindArray {
		v.Null = true
		return nil
	}
	if !ok || n < 0 || n > maxReplyElems {
		return ProtocolError("invalid multibulk length")
	}
	if depth >= maxReplyDepth {
		return ProtocolError("reply nested too deeply")
	}
	if v.Kind == KindMap || v.Kind == KindAttribute {
		n *= 2
	}
	v.Elems = make([]Value, 0, min(n, 64))
	for range n {
		e, err := r.value(depth + 1)
		if err != nil {
			return unexpected(err)
		}
		v.Elems = append(v.Elems, e)
	}
	return nil
}

// line returns the next line without its end, valid until the next read.
func (r *Reader) line() ([]byte, error) {
	line, err := r.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		long := append([]byte{}, line...)
		for err == bufio.ErrBufferFull && len(long) <= maxReplyLine {
			line, err = r.r.ReadSlice('\n')
			long = append(long, line...)
		}
		if len(long) > maxReplyLine {
			return nil, ProtocolError("too long reply line")
		}
		line = long
	}
	if err != nil {
		if len(line) > 0 {
			return nil, unexpected(err)
		}
		return nil, err
	}
	n := len(line)
	if n < 2 || line[n-2] != '\r' {
		return nil, ProtocolError("reply line without carriage return")
	}
	return line[:n-2], nil
}

// unexpected tells the end of the stream inside a value from one between values.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

package resp

import (
	"slices"
	"strconv"

	"holdfast/internal/bulk"
)

// Writer appends replies to Buf. It is the only place that knows how RESP2 and RESP3 differ: where RESP2 lacks a type
// the nearest one it has is written. The zero value writes RESP2.
type Writer struct {
	Buf   []byte
	Proto int // 2 or 3; 0 means 2
	// Pieces keeps what grows long in pieces, of which Buf is only the last, so that it need not be copied to where
	// there is more room.
	Pieces bool

	full   [][]byte // the pieces before Buf
	before int      // their bytes
}

const (
	leastPiece = 32 << 10  // a Buf of less grows
	mostPiece  = 512 << 10 // but for longer strings
)

// Len is how many bytes were written.
func (w *Writer) Len() int { return w.before + len(w.Buf) }

// Truncate drops what was written behind the first n bytes.
func (w *Writer) Truncate(n int) {
	for n < w.before {
		last := len(w.full) - 1
		w.Buf, w.full[last] = w.full[last], nil
		w.full = w.full[:last]
		w.before -= len(w.Buf)
	}
	w.Buf = w.Buf[:n-w.before]
}

// TakePieces hands out the pieces before Buf, nil if there are none, and forgets them.
func (w *Writer) TakePieces() [][]byte {
	full := w.full
	w.full, w.before = nil, 0
	return full
}

// Tail is a copy of what was written behind the first n bytes.
func (w *Writer) Tail(n int) (tail []byte) {
	for _, p := range w.full {
		tail = append(tail, p[min(n, len(p)):]...)
		n = max(n-len(p), 0)
	}
	return append(tail, w.Buf[n:]...)
}

// Held is how many bytes the buffers take.
func (w *Writer) Held() int { return w.before + cap(w.Buf) }

// room makes room in Buf for n more bytes.
func (w *Writer) room(n int) {
	if len(w.Buf)+n > cap(w.Buf) {
		w.grow(n)
	}
}

func (w *Writer) grow(n int) {
	if !w.Pieces || len(w.Buf) < leastPiece {
		w.Buf = slices.Grow(w.Buf, max(n, len(w.Buf)))
		return
	}
	w.seal()
	w.Buf = make([]byte, 0, max(n, min(w.before, mostPiece)))
}

// seal ends the piece in Buf.
func (w *Writer) seal() {
	w.full = append(w.full, w.Buf)
	w.before += len(w.Buf)
	w.Buf = nil
}

// header appends a type byte, a number and the line end.
func (w *Writer) header(kind byte, n int64) {
	w.room(headerRoom)
	switch {
	case uint64(n) < 10:
		w.Buf = append(w.Buf, kind, byte('0'+n), '\r', '\n')
	case uint64(n) < 100:
		w.Buf = append(w.Buf, kind, byte('0'+n/10), byte('0'+n%10), '\r', '\n')
	case n < 0:
		w.Buf = strconv.AppendInt(append(w.Buf, kind), n, 10)
		w.Buf = append(w.Buf, '\r', '\n')
	default:
		w.Buf = appendHeader(w.Buf, kind, uint64(n))
	}
}

// headerRoom is what a header takes at most.
const headerRoom = 1 + 19 + 2

// appendHeader is header for a number that isn't negative.
func appendHeader(buf []byte, kind byte, n uint64) []byte {
	digits := 1
	for limit := uint64(10); n >= limit && digits < 19; limit *= 10 {
		digits++
	}
	buf = slices.Grow(buf, headerRoom)
	at := len(buf)
	p := buf[at : at+digits+3]
	p[0], p[digits+1], p[digits+2] = kind, '\r', '\n'
	p = p[:digits+1]
	for len(p) > 2 {
		pair := 2 * (n % 100)
		n /= 100
		p[len(p)-2], p[len(p)-1] = pairs[pair], pairs[pair+1]
		p = p[:len(p)-2]
	}
	if len(p) > 1 {
		p[1] = byte('0' + n)
	}
	return buf[:at+digits+3]
}

// pairs are the numbers below 100 in two digits each.
var pairs = func() (text [200]byte) {
	for n := range 100 {
		text[2*n], text[2*n+1] = byte('0'+n/10), byte('0'+n%10)
	}
	return text
}()

// OK writes +OK.
func (w *Writer) OK() {
	w.room(len("+OK\r\n"))
	w.Buf = append(w.Buf, "+OK\r\n"...)
}

// Simple writes a status; s must not contain line ends.
func (w *Writer) Simple(s string) { w.line('+', s) }

// Error writes err as an error reply: an Error as it is, any other error after "ERR ".
func (w *Writer) Error(err error) { w.line('-', errorText(err)) }

func (w *Writer) line(kind byte, s string) {
	w.room(len(s) + len("+\r\n"))
	w.Buf = append(append(append(w.Buf, kind), s...), '\r', '\n')
}

// Int writes an integer.
func (w *Writer) Int(n int64) { w.header(':', n) }

// Bulk writes a string; a nil b is the empty string, see Null.
func (w *Writer) Bulk(b []byte) {
	if len(b) >= len(bulkHeads) {
		w.header('$', int64(len(b)))
		w.long(b)
		return
	}
	w.room(len(b) + bulkRoom)
	w.Buf = appendShort(w.Buf, b)
}

// BulkPieces is Bulk for a string in pieces that nobody changes any more: those of a long one are not copied.
func (w *Writer) BulkPieces(pieces [][]byte) {
	size := 0
	for _, p := range pieces {
		size += len(p)
	}
	w.header('$', int64(size))
	if !w.Pieces || size < mostPiece {
		w.room(size + len("\r\n"))
		for _, p := range pieces {
			w.Buf = bulk.Append(w.Buf, p)
		}
	} else {
		for _, p := range pieces {
			w.seal()
			w.Buf = p
		}
	}
	w.room(len("\r\n"))
	w.Buf = append(w.Buf, '\r', '\n')
}

// long appends a string, and a line end.
func (w *Writer) long(b []byte) {
	if w.Pieces && len(b) >= mostPiece {
		// A piece of its own, no larger than it must be.
		w.seal()
		w.Buf = bulk.Clone(b)
	} else {
		w.room(len(b) + len("\r\n"))
		w.Buf = bulk.Append(w.Buf, b)
	}
	w.room(len("\r\n"))
	w.Buf = append(w.Buf, '\r', '\n')
}

// appendShort appends a string for which there is a head to a buffer that has room for it.
func appendShort(buf, b []byte) []byte {
	head, at := &bulkHeads[len(b)], len(buf)
	p := buf[at : at+len(b)+bulkRoom]
	copy(p, head.text[:]) // a single store; what is too much is written over
	p = p[head.size:]
	end := len(b)
	if end >= 16 && end <= 32 { // two moves, which overlap, are less than a call
		first, last := *(*[16]byte)(b), *(*[16]byte)(b[end-16:])
		*(*[16]byte)(p) = first
		*(*[16]byte)(p[end-16:]) = last
	} else {
		copy(p, b)
	}
	p[end], p[end+1] = '\r', '\n'
	return buf[:at+int(head.size)+end+2]
}

// bulkHeads are the headers of short strings by their length, and bulkRoom is what header and line end take at most.
var bulkHeads = func() (heads [128]struct {
	text [8]byte
	size uint8
}) {
	for n := range heads {
		heads[n].size = uint8(copy(heads[n].text[:], "$"+strconv.Itoa(n)+"\r\n"))
	}
	return heads
}()

const bulkRoom = 8 + 2

// BulkString writes a string.
func (w *Writer) BulkString(s string) {
	w.header('$', int64(len(s)))
	w.room(len(s) + len("\r\n"))
	w.Buf = append(append(w.Buf, s...), '\r', '\n')
}

// BulkInt writes the decimal text of n as a string.
func (w *Writer) BulkInt(n int64) {
	var scratch [20]byte
	w.Bulk(strconv.AppendInt(scratch[:0], n, 10))
}

// Null writes the absence of a value.
func (w *Writer) Null() {
	w.room(len("$-1\r\n"))
	if w.Proto == 3 {
		w.Buf = append(w.Buf, "_\r\n"...)
	} else {
		w.Buf = append(w.Buf, "$-1\r\n"...)
	}
}

// NullArray writes the absence of an array, which RESP3 does not tell from Null.
func (w *Writer) NullArray() {
	w.room(len("*-1\r\n"))
	if w.Proto == 3 {
		w.Buf = append(w.Buf, "_\r\n"...)
	} else {
		w.Buf = append(w.Buf, "*-1\r\n"...)
	}
}

// Array begins an array of the next n values.
func (w *Writer) Array(n int) { w.aggregate('*', n) }

// Map begins a map of the next n pairs of values: in RESP2 an array of twice as many.
func (w *Writer) Map(n int) { w.aggregate('%', n) }

// Set begins a set of the next n values: in RESP2 an array.
func (w *Writer) Set(n int) { w.aggregate('~', n) }

// Push begins an out-of-band message of the next n values: in RESP2 an array.
func (w *Writer) Push(n int) { w.aggregate('>', n) }

// Attr begins the n pairs of attributes of the value after them. RESP2 has none, so only write them under RESP3.
func (w *Writer) Attr(n int) { w.header('|', int64(n)) }

func (w *Writer) aggregate(kind byte, n int) { w.header(w.downgrade(kind, n)) }

// downgrade turns the header of an aggregate into what the protocol in use has for it.
func (w *Writer) downgrade(kind byte, n int) (byte, int64) {
	if w.Proto == 3 {
		return kind, int64(n)
	}
	if kind == '%' {
		n *= 2
	}
	return '*', int64(n)
}

// Double writes a floating point number: in RESP2 its text.
func (w *Writer) Double(f float64) {
	var scratch [40]byte
	text := AppendDouble(scratch[:0], f)
	if w.Proto == 3 {
		w.room(len(text) + len(",\r\n"))
		w.Buf = append(append(append(w.Buf, ','), text...), '\r', '\n')
		return
	}
	w.Bulk(text)
}

// Bool writes true or false: in RESP2 1 or 0.
func (w *Writer) Bool(b bool) {
	w.room(len("#t\r\n"))
	switch {
	case w.Proto == 3 && b:
		w.Buf = append(w.Buf, "#t\r\n"...)
	case w.Proto == 3:
		w.Buf = append(w.Buf, "#f\r\n"...)
	case b:
		w.Int(1)
	default:
		w.Int(0)
	}
}

// BigNumber writes an integer of any size given as decimal text: in RESP2 as a string.
func (w *Writer) BigNumber(s string) {
	if w.Proto == 3 {
		w.line('(', s)
		return
	}
	w.BulkString(s)
}

// Verbatim writes text with its format, three bytes such as "txt" or "mkd": in RESP2 the text alone.
func (w *Writer) Verbatim(format, text string) {
	if w.Proto != 3 {
		w.BulkString(text)
		return
	}
	w.header('=', int64(len(format)+1+len(text)))
	w.room(len(format) + len(text) + len(":\r\n"))
	w.Buf = append(append(w.Buf, format...), ':')
	w.Buf = append(append(w.Buf, text...), '\r', '\n')
}

// Raw appends bytes that are replies already.
func (w *Writer) Raw(b []byte) {
	w.room(len(b))
	w.Buf = append(w.Buf, b...)
}

// Later is an aggregate whose length is not known yet.
type Later struct {
	at   int
	kind byte
}

// ArrayLater begins an array whose length SetLen gives once its values are written.
func (w *Writer) ArrayLater() Later { return Later{w.Len(), '*'} }

// MapLater begins a map whose number of pairs SetLen gives once they are written.
func (w *Writer) MapLater() Later { return Later{w.Len(), '%'} }

// SetLater begins a set whose length SetLen gives once its values are written.
func (w *Writer) SetLater() Later { return Later{w.Len(), '~'} }

// SetLen puts the header in front of the values written since l was taken. Nested ones are to be set inner first.
func (w *Writer) SetLen(l Later, n int) {
	kind, count := w.downgrade(l.kind, n)
	head := appendHeader(make([]byte, 0, headerRoom), kind, uint64(count))
	start := 0
	for i, p := range w.full {
		if l.at < start+len(p) {
			w.full[i] = slices.Insert(p, l.at-start, head...)
			w.before += len(head)
			return
		}
		start += len(p)
	}
	w.Buf = slices.Insert(w.Buf, l.at-start, head...)
}

// AppendCommand appends a command as clients send it, and as the replication stream carries it.
func AppendCommand(buf []byte, args ...[]byte) []byte {
	w := Writer{Buf: buf}
	w.header('*', int64(len(args)))
	for _, arg := range args {
		w.Bulk(arg)
	}
	return w.Buf
}

// AppendCommandHead appends what a command of n words begins with, and AppendBulkHead what comes before a word of n
// bytes: for who has the bytes elsewhere.
func AppendCommandHead(buf []byte, n int) []byte { return appendHeader(buf, '*', uint64(n)) }

// AppendBulkHead is described at AppendCommandHead.
func AppendBulkHead(buf []byte, n int) []byte { return appendHeader(buf, '$', uint64(n)) }

// AppendCommandStrings is AppendCommand for strings.
func AppendCommandStrings(buf []byte, args ...string) []byte {
	w := Writer{Buf: buf}
	w.header('*', int64(len(args)))
	for _, arg := range args {
		w.BulkString(arg)
	}
	return w.Buf
}

package rdb

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"holdfast/internal/bulk"
)

// Callbacks get the contents of a snapshot in their order. Any may be nil. An
// error of a callback ends the reading and is returned as it is. Slices are
// valid until the callback returns.
type Callbacks struct {
	Aux      func(name, value []byte) error
	SelectDB func(db int) error
	Resize   func(db int, keys, expires uint64) error // a hint; damaged or hostile files may state anything
	Function func(code []byte) error
	Entry    func(e Entry) error
}

const (
	readBufferLen = 64 << 10
	firstChunkLen = 64 << 10 // of a string whose bytes have not arrived yet
	keptScratch   = 1 << 20  // larger buffers are not kept for the next string
)

// Reader reads one snapshot.
type Reader struct {
	// SkipChecksum accepts a wrong checksum, as rdbchecksum no does.
	SkipChecksum bool

	r         *bufio.Reader
	window    []byte // what r has buffered; it is summed, and taken from r, when all of it was read
	at        int    // how much of window was read
	start     int64  // where in the snapshot window begins
	crc       uint64 // of what is before window
	unsummed  bool   // nobody asks for crc
	version   int
	valkey    bool // types have the numbers that Valkey gave them
	db        int
	key, val  []byte // scratch of strings
	name      []byte // scratch of the names of elements
	packed    []byte // scratch of compressed strings
	converted []byte // scratch of listpacks made of older forms
	small     [8]byte
	present   Entry
	elements  elements
	streaming *streamReading // how far a stream was read; nil: there was none
	names     nameSet
}

// NewReader returns a Reader of r. It reads ahead, except if r is a
// *bufio.Reader: then the bytes after the snapshot remain in r.
func NewReader(r io.Reader) *Reader {
	b, ok := r.(*bufio.Reader)
	if !ok {
		b = bufio.NewReaderSize(r, readBufferLen)
	}
	return &Reader{r: b}
}

// Offset returns how many bytes of the snapshot were read.
func (r *Reader) Offset() int64 { return r.start + int64(r.at) }

// Version returns the snapshot's version once its header was read.
func (r *Reader) Version() int { return r.version }

// Read reads the whole snapshot. Its errors are a DamageError, an
// UnknownTypeError, one of the io.Reader, or one of a callback.
func (r *Reader) Read(to Callbacks) error {
	defer r.settle()
	if err := r.header(); err != nil {
		return err
	}
	r.present = NewEntry(nil, nil)
	e := &r.present
	for {
		op, err := r.byte()
		if err != nil {
			return err
		}
		switch op {
		case opEOF:
			return r.end()
		case opExpireMs, opExpireSecs, opIdle, opFreq:
			err = r.attribute(op, e)
		case opAux, opSelectDB, opResize, opSlotInfo, opFunction:
			err = r.meta(op, to)
		default:
			err = r.entry(op, e, to)
			r.present = NewEntry(nil, nil)
		}
		if err != nil {
			return err
		}
	}
}

func (r *Reader) damaged(at int64, format string, args ...any) error {
	return &DamageError{Offset: at, Reason: fmt.Errorf(format, args...)}
}

func (r *Reader) header() error {
	var h [headerLen]byte
	if err := r.full(h[:]); err != nil {
		return err
	}
	begins := magic
	if r.valkey = string(h[:len(valkeyMagic)]) == valkeyMagic; r.valkey {
		begins = valkeyMagic
	}
	if string(h[:len(begins)]) != begins {
		return r.damaged(0, "no rdb file: it begins with %q", h[:len(begins)])
	}
	for _, c := range h[len(begins):] {
		if c < '0' || c > '9' {
			return r.damaged(int64(len(begins)), "version is %q", h[len(begins):])
		}
		r.version = r.version*10 + int(c-'0')
	}
	if r.version < MinVersion || r.valkey != (r.version >= valkeyVersion) {
		return r.damaged(int64(len(begins)), "version %d is not supported", r.version)
	}
	return nil
}

// end checks the checksum after the end mark.
func (r *Reader) end() error {
	if r.version < checksumSince {
		return nil
	}
	r.settle()
	want, at := r.crc, r.start
	if err := r.full(r.small[:checksumLen]); err != nil {
		return err
	}
	got := binary.LittleEndian.Uint64(r.small[:])
	if got == 0 || r.SkipChecksum {
		return nil // written with checksums turned off
	}
	if got != want {
		return r.damaged(at, "checksum is %016x instead of %016x", got, want)
	}
	return nil
}

// attribute reads what is said of the next entry.
func (r *Reader) attribute(op byte, e *Entry) error {
	at := r.Offset()
	switch op {
	case opExpireMs:
		if err := r.full(r.small[:8]); err != nil {
			return err
		}
		e.ExpireAt = int64(binary.LittleEndian.Uint64(r.small[:]))
	case opExpireSecs:
		if err := r.full(r.small[:4]); err != nil {
			return err
		}
		e.ExpireAt = int64(int32(binary.LittleEndian.Uint32(r.small[:]))) * 1000
	case opIdle:
		n, err := r.length()
		if err != nil {
			return err
		}
		if n > math.MaxInt64 {
			return r.damaged(at, "idle time of %d s", n)
		}
		e.Idle = int64(n)
	case opFreq:
		b, err := r.byte()
		if err != nil {
			return err
		}
		e.Freq = int(b)
	}
	return nil
}

// entry reads a key and its value. Redis has written empty collections by mistake in the past: they are no keys.
func (r *Reader) entry(typ byte, e *Entry, to Callbacks) (err error) {
	if !r.knows(typ) {
		unknown := &UnknownTypeError{Type: typ, Offset: r.Offset() - 1}
		if typ < opNoEvict { // else it is a mark, and no key's type
			if key, err := r.string(r.key); err == nil {
				unknown.Key = string(key)
			}
		}
		return unknown
	}
	if r.key, err = r.string(r.key); err != nil {
		return err
	}
	e.DB, e.Key = r.db, r.key
	err = r.value(typ, e, to.Entry)
	if errors.Is(err, ErrEmpty) {
		err = nil
	}
	if cap(r.key) > keptScratch {
		r.key = nil
	}
	return err
}

// meta reads what is not about a single entry.
func (r *Reader) meta(op byte, to Callbacks) (err error) {
	switch op {
	case opAux:
		return r.aux(to.Aux)
	case opSelectDB:
		return r.selectDB(to.SelectDB)
	case opFunction:
		if r.val, err = r.string(r.val); err == nil && to.Function != nil {
			err = to.Function(r.val)
		}
		return err
	}
	var hints [3]uint64
	count := len(hints)
	if op == opResize {
		count = 2
	}
	for i := range count {
		if hints[i], err = r.length(); err != nil {
			return err
		}
	}
	if op == opResize && to.Resize != nil {
		return to.Resize(r.db, hints[0], hints[1])
	}
	return nil
}

func (r *Reader) aux(f func(name, value []byte) error) (err error) {
	if r.key, err = r.string(r.key); err != nil {
		return err
	}
	if r.val, err = r.string(r.val); err != nil || f == nil {
		return err
	}
	return f(r.key, r.val)
}

func (r *Reader) selectDB(f func(db int) error) error {
	at := r.Offset()
	n, err := r.length()
	if err != nil {
		return err
	}
	if n > math.MaxInt32 {
		return r.damaged(at, "database number %d", n)
	}
	r.db = int(n)
	if f == nil {
		return nil
	}
	return f(r.db)
}

// length reads a length where no coded string may stand.
func (r *Reader) length() (uint64, error) {
	at := r.Offset()
	n, coded, err := r.lengthOrCode()
	if err == nil && coded {
		return 0, r.damaged(at, "coded string (%d) where a length should be", n)
	}
	return n, err
}

func (r *Reader) lengthOrCode() (n uint64, coded bool, err error) {
	at := r.Offset()
	first, err := r.byte()
	if err != nil {
		return 0, false, err
	}
	low := uint64(first & maxLen6)
	switch first & lenCoded {
	case len6:
		return low, false, nil
	case len14:
		second, err := r.byte()
		return low<<8 | uint64(second), false, err
	case lenCoded:
		return low, true, nil
	}
	switch first {
	case len32:
		err := r.full(r.small[:4])
		return uint64(binary.BigEndian.Uint32(r.small[:])), false, err
	case len64:
		err := r.full(r.small[:8])
		return binary.BigEndian.Uint64(r.small[:]), false, err
	}
	return 0, false, r.damaged(at, "length begins with byte %#x", first)
}

// string reads a string into buf, which it may replace.
func (r *Reader) string(buf []byte) ([]byte, error) {
	if w := r.window[r.at:]; len(w) > maxLen6 && w[0]&lenCoded == len6 { // as most are: short, and in the window
		n := 1 + int(w[0])
		r.at += n
		return append(buf[:0], w[1:n]...), nil
	}
	at := r.Offset()
	n, coded, err := r.lengthOrCode()
	if err != nil {
		return buf, err
	}
	if !coded {
		return r.bytes(buf[:0], n)
	}
	var size int
	switch n {
	case codeInt8:
		size = 1
	case codeInt16:
		size = 2
	case codeInt32:
		size = 4
	case codeLZF:
		return r.unpack(buf)
	default:
		return buf, r.damaged(at, "unknown coding %d of a string", n)
	}
	clear(r.small[:])
	if err := r.full(r.small[:size]); err != nil {
		return buf, err
	}
	shift := 64 - 8*size
	v := int64(binary.LittleEndian.Uint64(r.small[:])<<shift) >> shift
	return strconv.AppendInt(buf[:0], v, 10), nil
}

// unpack reads a compressed string.
func (r *Reader) unpack(buf []byte) ([]byte, error) {
	packedLen, err := r.length()
	if err != nil {
		return buf, err
	}
	at := r.Offset()
	size, err := r.length()
	if err != nil {
		return buf, err
	}
	if packedLen > math.MaxInt64/lzfMaxGrowth || size > packedLen*lzfMaxGrowth {
		return buf, r.damaged(at, "%d compressed bytes can't hold %d", packedLen, size)
	}
	at = r.Offset()
	if r.packed, err = r.bytes(r.packed[:0], packedLen); err != nil {
		return buf, err
	}
	out, err := lzfDecompress(buf[:0], r.packed, int(size))
	if err != nil {
		return buf, &DamageError{Offset: at, Reason: err}
	}
	return out, nil
}

// bytes appends n bytes to buf. The buffer grows as bytes arrive: a length that
// lies costs nothing.
func (r *Reader) bytes(buf []byte, n uint64) ([]byte, error) {
	for n > 0 {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), len(buf)+int(min(n, uint64(max(len(buf), firstChunkLen)))))
			bulk.Copy(grown, buf)
			buf = grown
		}
		have := len(buf)
		step := int(min(n, uint64(cap(buf)-have)))
		buf = buf[:have+step]
		if err := r.full(buf[have:]); err != nil {
			return buf[:0], err
		}
		n -= uint64(step)
	}
	return buf, nil
}

func (r *Reader) byte() (byte, error) {
	if r.at == len(r.window) {
		if err := r.refill(); err != nil {
			return 0, err
		}
	}
	b := r.window[r.at]
	r.at++
	return b, nil
}

// full fills p.
func (r *Reader) full(p []byte) error {
	for {
		n := copy(p, r.window[r.at:])
		r.at += n
		if p = p[n:]; len(p) == 0 {
			return nil
		}
		if err := r.refill(); err != nil {
			return err
		}
	}
}

// refill makes the next bytes the window, at least one.
func (r *Reader) refill() error {
	r.settle()
	_, err := r.r.Peek(1)
	if r.window, _ = r.r.Peek(r.r.Buffered()); len(r.window) > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return &DamageError{Offset: r.start, Reason: io.ErrUnexpectedEOF}
	}
	return fmt.Errorf("read rdb at byte %d: %w", r.start, err)
}

// settle sums what was read and takes it from r.
func (r *Reader) settle() {
	if !r.unsummed {
		r.crc = CRC64(r.crc, r.window[:r.at])
	}
	_, _ = r.r.Discard(r.at) // it is buffered
	r.start += int64(r.at)
	r.window, r.at = nil, 0
}

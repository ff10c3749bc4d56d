package rdb

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"holdfast/internal/bulk"
)

// footerLen is what a payload ends with: the version in 2 bytes, and the checksum of all before.
const footerLen = 2 + checksumLen

// ErrFooter is returned for a payload whose checksum is wrong.
var ErrFooter = errors.New("rdb: the payload's checksum is wrong")

// PayloadWriter makes payloads, which are the form in which DUMP hands out values. It belongs to one goroutine.
type PayloadWriter struct {
	w   *Writer
	out sink
}

// sink gathers what is written to it, behind what buf has.
type sink struct {
	buf    []byte
	full   [][]byte // what comes before buf
	pieces bool     // buf is not grown, but followed by another one
	before int      // the bytes of full
}

const (
	leastPiece = 4 << 10
	mostPiece  = 512 << 10 // but for longer strings
)

func (s *sink) Write(p []byte) (int, error) {
	n := len(p)
	if !s.pieces {
		s.buf = bulk.Append(s.buf, p)
		return n, nil
	}
	if n < mostPiece { // a longer one is not cut
		here := min(n, cap(s.buf)-len(s.buf))
		s.buf, p = append(s.buf, p[:here]...), p[here:]
	}
	if len(p) > 0 {
		s.seal()
		s.buf = bulk.Append(make([]byte, 0, max(len(p), min(s.before, mostPiece), leastPiece)), p)
	}
	return n, nil
}

func (s *sink) seal() {
	if len(s.buf) > 0 {
		s.full, s.before = append(s.full, s.buf), s.before+len(s.buf)
	}
	s.buf = nil
}

// NewPayloadWriter returns a PayloadWriter.
func NewPayloadWriter() *PayloadWriter {
	p := new(PayloadWriter)
	p.w = NewWriter(&p.out)
	return p
}

// Append appends the payload of an entry's value to dst.
func (p *PayloadWriter) Append(dst []byte, e Entry, compress bool) ([]byte, error) {
	defer p.forget()
	p.out.buf = dst
	if err := p.write(e, compress); err != nil {
		return dst, err
	}
	return p.out.buf, nil
}

// Pieces returns the payload of an entry's value in pieces: so nothing is copied when it gets long.
func (p *PayloadWriter) Pieces(e Entry, compress bool) ([][]byte, error) {
	defer p.forget()
	p.out.pieces = true
	if err := p.write(e, compress); err != nil {
		return nil, err
	}
	p.out.seal()
	return p.out.full, nil
}

func (p *PayloadWriter) forget() { p.out = sink{} }

func (p *PayloadWriter) write(e Entry, compress bool) error {
	w := p.w
	w.Compress, w.crc = compress, 0
	w.buf = append(w.buf, e.Type)
	w.value(e)
	version := uint16(Version)
	if e.Type == TypeHashFieldsTime {
		version = VersionFieldExpiry
	}
	w.buf = binary.LittleEndian.AppendUint16(w.buf, version)
	w.flush()
	w.buf = binary.LittleEndian.AppendUint64(w.buf, w.crc)
	w.flush()
	err := w.err
	w.err = nil
	return err
}

// footer checks what a payload ends with, and returns where that begins, and the version that it names.
func footer(p []byte) (at, version int, err error) {
	at = len(p) - footerLen
	if at < 0 || binary.LittleEndian.Uint64(p[at+2:]) != CRC64(0, p[:at+2]) {
		return 0, 0, ErrFooter
	}
	return at, int(binary.LittleEndian.Uint16(p[at:])), nil
}

// ReadPayload checks a payload's footer and hands its value to the callback, as an entry without a key. Its errors are
// ErrFooter, those of Reader, and those of the callback.
func ReadPayload(p []byte, to func(Entry) error) error {
	at, version, err := footer(p)
	if err != nil {
		return err
	}
	r := NewReader(bufio.NewReaderSize(bytes.NewReader(p[:at]), min(at, readBufferLen)))
	r.unsummed, r.valkey = true, version >= valkeyVersion
	typ, err := r.byte()
	if err != nil {
		return err
	}
	if !r.knows(typ) {
		return &UnknownTypeError{Type: typ}
	}
	r.present = NewEntry(nil, nil)
	if err := r.value(typ, &r.present, to); err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	return nil
}

// AppendFunctions appends the payload of libraries of functions, given by their code, to dst.
func AppendFunctions(dst []byte, codes []string, compress bool) []byte {
	p := NewPayloadWriter()
	p.out.buf = dst
	w := p.w
	w.Compress, w.crc = compress, 0
	for _, code := range codes {
		w.Function([]byte(code))
	}
	w.buf = binary.LittleEndian.AppendUint16(w.buf, Version)
	w.flush()
	w.buf = binary.LittleEndian.AppendUint64(w.buf, w.crc)
	w.flush()
	return p.out.buf
}

// ErrNoFunctions is returned for a payload that has something else than functions.
var ErrNoFunctions = errors.New("rdb: the payload has something that is no function")

// ReadFunctions checks a payload's footer and returns the code of its libraries. Its errors are ErrFooter,
// ErrNoFunctions and those of Reader.
func ReadFunctions(p []byte) (codes [][]byte, err error) {
	at, _, err := footer(p)
	if err != nil {
		return nil, err
	}
	r := NewReader(bufio.NewReaderSize(bytes.NewReader(p[:at]), min(max(at, 16), readBufferLen)))
	r.unsummed = true
	for int(r.Offset()) < at {
		op, err := r.byte()
		if err != nil {
			return nil, err
		}
		if op != opFunction {
			return nil, ErrNoFunctions
		}
		code, err := r.string(nil)
		if err != nil {
			return nil, err
		}
		codes = append(codes, code)
	}
	return codes, nil
}

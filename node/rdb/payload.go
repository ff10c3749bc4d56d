package rdb

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// footerLen is what a payload ends with: the version in 2 bytes, and the checksum of all before.
const footerLen = 2 + checksumLen

// ErrFooter is returned for a payload of a version to come, or with a wrong checksum.
var ErrFooter = errors.New("rdb: payload of an unknown version, or its checksum is wrong")

// PayloadWriter makes payloads. It belongs to one goroutine.
type PayloadWriter struct {
	w   *Writer
	out bytes.Buffer
}

// NewPayloadWriter returns a PayloadWriter.
func NewPayloadWriter() *PayloadWriter {
	p := new(PayloadWriter)
	p.w = NewWriter(&p.out)
	p.w.Checksum = false
	return p
}

// Append appends the value of an entry to dst in the form in which DUMP hands it out.
func (p *PayloadWriter) Append(dst []byte, e Entry, compress bool) ([]byte, error) {
	p.out.Reset()
	p.w.Compress = compress
	p.w.buf = append(p.w.buf, e.Type)
	p.w.value(e)
	p.w.flush()
	if err := p.w.err; err != nil {
		p.w.err = nil
		return dst, err
	}
	start := len(dst)
	dst = append(dst, p.out.Bytes()...)
	if p.out.Cap() > keptScratch {
		p.out = bytes.Buffer{}
	}
	version := uint16(Version)
	if e.Type == TypeHashFieldsTime {
		version = VersionFieldExpiry
	}
	dst = binary.LittleEndian.AppendUint16(dst, version)
	return binary.LittleEndian.AppendUint64(dst, CRC64(0, dst[start:])), nil
}

// ReadPayload checks a payload's footer and hands its value to the callback, as an entry without a key. Its errors are ErrFooter, those of
// Reader, and those of the callback.
func ReadPayload(p []byte, to func(Entry) error) error {
	at := len(p) - footerLen
	if at < 0 || int(binary.LittleEndian.Uint16(p[at:])) > MaxVersion ||
		binary.LittleEndian.Uint64(p[at+2:]) != CRC64(0, p[:at+2]) {
		return ErrFooter
	}
	r := NewReader(bufio.NewReaderSize(bytes.NewReader(p[:at]), min(at, readBufferLen)))
	typ, err := r.byte()
	if err != nil {
		return err
	}
	if !known(typ) {
		return &UnknownTypeError{Type: typ}
	}
	e := NewEntry(nil, nil)
	if err := r.value(typ, &e, to); err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	return nil
}

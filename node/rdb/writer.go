package rdb

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
)

const (
	writeBufferLen   = 64 << 10
	minCompressLen   = 21 // shorter strings are never compressed
	maxIntLen        = 11 // of an int32 in decimal
	compressOverhead = 4  // what compression must save at least
)

// Writer writes a snapshot. Call Header, then SelectDB and Entry as often as
// needed, then EOF. The first error of the io.Writer is returned by every later
// call, so it is enough to check EOF's.
type Writer struct {
	// Compress and Checksum correspond to the settings rdbcompression and
	// rdbchecksum; NewWriter sets both.
	Compress bool
	Checksum bool

	// FieldTimes says that there may be fields of hashes that expire. Older versions of Redis can't read such a
	// snapshot.
	FieldTimes bool

	w       io.Writer
	buf     []byte
	crc     uint64
	flushed int64
	err     error
	lzf     lzf
	packed  []byte // scratch of compression
}

// NewWriter returns a Writer to w, with compression and checksum.
func NewWriter(w io.Writer) *Writer {
	return &Writer{Compress: true, Checksum: true, w: w, buf: make([]byte, 0, writeBufferLen)}
}

// Offset returns the number of bytes written so far, buffered ones included.
func (w *Writer) Offset() int64 { return w.flushed + int64(len(w.buf)) }

// auxOrder is the order of the fields that Redis writes itself; others follow.
var auxOrder = []string{"redis-ver", "redis-bits", "ctime", "used-mem", "repl-stream-db", "repl-id", "repl-offset",
	"aof-base"}

// Header writes magic, version and the auxiliary fields.
func (w *Writer) Header(aux map[string]string) error {
	version := Version
	if w.FieldTimes {
		version = VersionFieldExpiry
	}
	w.buf = fmt.Appendf(w.buf, "%s%04d", magic, version)
	for _, name := range auxOrder {
		if v, ok := aux[name]; ok {
			w.aux(name, v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(aux)) {
		if !slices.Contains(auxOrder, name) {
			w.aux(name, aux[name])
		}
	}
	return w.room()
}

// Aux writes an auxiliary field behind the header.
func (w *Writer) Aux(name, value string) error {
	w.aux(name, value)
	return w.room()
}

func (w *Writer) aux(name, value string) {
	w.buf = append(w.buf, opAux)
	w.string([]byte(name))
	w.string([]byte(value))
}

// SelectDB says to which database the next entries belong, and how many keys
// it has, and how many of them expire.
func (w *Writer) SelectDB(db, keys, expires int) error {
	w.buf = append(w.buf, opSelectDB)
	w.length(uint64(db))
	w.buf = append(w.buf, opResize)
	w.length(uint64(keys))
	w.length(uint64(expires))
	return w.room()
}

// Function writes the source of a function library.
func (w *Writer) Function(code []byte) error {
	w.buf = append(w.buf, opFunction)
	w.string(code)
	return w.room()
}

// Entry writes a key and its value.
func (w *Writer) Entry(e Entry) error {
	if e.ExpireAt >= 0 {
		w.buf = append(w.buf, opExpireMs)
		w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(e.ExpireAt))
	}
	if e.Idle >= 0 {
		w.buf = append(w.buf, opIdle)
		w.length(uint64(e.Idle))
	}
	if e.Freq >= 0 {
		w.buf = append(w.buf, opFreq, byte(e.Freq))
	}
	w.buf = append(w.buf, e.Type)
	w.string(e.Key)
	w.value(e)
	return w.room()
}

// value writes what stands behind type and key. It panics on a type that Entry does not list, since nobody can have
// made such an entry.
func (w *Writer) value(e Entry) {
	if e.Type == TypeString { // as most are: an entry is a lot to copy for them
		w.run(e)
		return
	}
	write := layouts[e.Type].write
	if write == nil {
		panic(fmt.Sprintf("rdb: can't write type %d", e.Type))
	}
	write(w, e)
}

// run writes a value that is one run of bytes.
func (w *Writer) run(e Entry) { w.string(e.Value) }

// each writes the elements of a value.
func (w *Writer) each(e Entry, write func(Element)) {
	n := 0
	for el := range e.Elements {
		write(el)
		n++
	}
	if n != e.Len && w.err == nil {
		w.err = fmt.Errorf("write rdb: %q has %d elements instead of %d", e.Key, n, e.Len)
	}
}

// EOF writes the end mark and the checksum, and hands all to the io.Writer.
func (w *Writer) EOF() error {
	w.flush()
	w.buf = AppendEnd(w.buf, w.crc, w.Checksum)
	w.Checksum = false
	w.flush()
	return w.err
}

// AppendEnd appends the end mark, and the checksum of all bytes up to it, of which sum is that of those before; 0,
// which is not checked, without checksum.
func AppendEnd(dst []byte, sum uint64, checksum bool) []byte {
	dst = append(dst, opEOF)
	sum = CRC64(sum, dst[len(dst)-1:])
	if !checksum {
		sum = 0
	}
	return binary.LittleEndian.AppendUint64(dst, sum)
}

// Flush hands all that was written to the io.Writer.
func (w *Writer) Flush() error {
	w.flush()
	return w.err
}

// length appends a length in the shortest form.
func (w *Writer) length(n uint64) {
	switch {
	case n <= maxLen6:
		w.buf = append(w.buf, len6|byte(n))
	case n <= maxLen14:
		w.buf = append(w.buf, len14|byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		w.buf = append(w.buf, len32)
		w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(n))
	default:
		w.buf = append(w.buf, len64)
		w.buf = binary.BigEndian.AppendUint64(w.buf, n)
	}
}

// string writes s as a small integer, compressed, or as it is.
func (w *Writer) string(s []byte) {
	if len(s) <= maxIntLen && w.small(s) {
		return
	}
	if w.Compress && len(s) >= minCompressLen && w.compressed(s) {
		return
	}
	w.length(uint64(len(s)))
	if len(s) < writeBufferLen {
		w.buf = append(w.buf, s...)
		w.room()
		return
	}
	w.flush()
	w.write(s) // too long to be worth copying
}

// small writes s if it is an int32 in its one canonical spelling.
func (w *Writer) small(s []byte) bool {
	if len(s) == 0 || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return false
	}
	n, err := strconv.ParseInt(string(s), 10, 32)
	if err != nil {
		return false
	}
	var canonical [maxIntLen]byte
	if string(strconv.AppendInt(canonical[:0], n, 10)) != string(s) {
		return false
	}
	switch {
	case n == int64(int8(n)):
		w.buf = append(w.buf, lenCoded|codeInt8, byte(n))
	case n == int64(int16(n)):
		w.buf = append(w.buf, lenCoded|codeInt16)
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(n))
	default:
		w.buf = append(w.buf, lenCoded|codeInt32)
		w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(n))
	}
	return true
}

func (w *Writer) compressed(s []byte) bool {
	if len(s) > math.MaxInt32 {
		return false // positions within it would not fit the compressor's table
	}
	if len(s) > sampledSize && !w.compressible(s) {
		return false
	}
	var ok bool
	if w.packed, ok = w.lzf.compress(w.packed[:0], s, len(s)-compressOverhead); !ok {
		return false
	}
	w.buf = append(w.buf, lenCoded|codeLZF)
	w.length(uint64(len(w.packed)))
	w.length(uint64(len(s)))
	if len(w.packed) < writeBufferLen {
		w.buf = append(w.buf, w.packed...)
		w.room()
	} else {
		w.flush()
		w.write(w.packed)
		w.packed = nil // do not hold on to the memory of one large value
	}
	return true
}

const (
	sampledSize = 4 << 20  // of a string of which it is tried first whether it gets shorter
	sampleSize  = 64 << 10 // by parts of it
)

// compressible reports whether any of three parts of s gets shorter: else it would take seconds, and as much memory
// again, to find out that s does not.
func (w *Writer) compressible(s []byte) (ok bool) {
	for _, at := range []int{0, (len(s) - sampleSize) / 2, len(s) - sampleSize} {
		if w.packed, ok = w.lzf.compress(w.packed[:0], s[at:at+sampleSize], sampleSize); ok {
			return true
		}
	}
	return false
}

// room makes sure that the buffer does not grow without end.
func (w *Writer) room() error {
	if len(w.buf) >= writeBufferLen {
		w.flush()
	}
	return w.err
}

func (w *Writer) flush() {
	w.write(w.buf)
	w.buf = w.buf[:0]
}

func (w *Writer) write(p []byte) {
	if w.Checksum {
		w.crc = CRC64(w.crc, p)
	}
	w.flushed += int64(len(p))
	if w.err != nil || len(p) == 0 {
		return
	}
	if _, err := w.w.Write(p); err != nil {
		w.err = fmt.Errorf("write rdb: %w", err)
	}
}

package hyperloglog

import (
	"encoding/binary"
	"errors"
)

var (
	// ErrForeign is the answer to bytes that are no HyperLogLog.
	ErrForeign = errors.New("not a HyperLogLog")
	// ErrCorrupted is the answer to a HyperLogLog whose registers can't be read.
	ErrCorrupted = errors.New("corrupted HyperLogLog")
)

const (
	magic      = "HYLL"
	encodingAt = len(magic)
	// CountAt is where the cached count stands.
	CountAt    = 8
	headerSize = 16
	staleAt    = headerSize - 1
	staleBit   = 0x80

	dense, sparse = 0, 1
)

// New appends an empty value to buf.
func New(buf []byte) []byte {
	buf = append(append(buf, magic...), sparse)
	buf = append(buf, make([]byte, headerSize-len(magic)-1)...)
	return appendZeroes(buf, registers)
}

// Check looks at the header, which all other functions take for right. Registers may still be corrupted.
func Check(v []byte) error {
	if len(v) < headerSize || string(v[:len(magic)]) != magic || v[encodingAt] > sparse ||
		v[encodingAt] == dense && len(v) != denseSize {
		return ErrForeign
	}
	return nil
}

// IsDense reports whether a value is dense.
func IsDense(v []byte) bool { return v[encodingAt] == dense }

// Cached is the count that was kept, if it is up to date.
func Cached(v []byte) (n uint64, ok bool) {
	return binary.LittleEndian.Uint64(v[CountAt:]), v[staleAt]&staleBit == 0
}

// SetCached keeps a count.
func SetCached(v []byte, n uint64) { binary.LittleEndian.PutUint64(v[CountAt:], n) }

// Forget says that the cached count is out of date.
func Forget(v []byte) { v[staleAt] |= staleBit }

// Add adds elements to a value, and says whether any register has changed; then the cached count is out of date. A
// sparse value becomes dense rather than grow beyond limit. After an error the value is spoilt.
func Add(v []byte, elements []Element, limit int) (grown []byte, changed bool, err error) {
	for _, e := range elements {
		if IsDense(v) {
			changed = setDense(v, e) || changed
			continue
		}
		var now bool
		if v, now, err = setSparse(v, e, limit, nil); err != nil {
			return v, false, err
		}
		changed = changed || now
	}
	if changed {
		Forget(v)
	}
	return v, changed, nil
}

// Dense makes a value dense, in fresh memory unless it is already.
func Dense(v []byte) ([]byte, error) {
	if IsDense(v) {
		return v, nil
	}
	d := make([]byte, denseSize)
	copy(d, v[:headerSize])
	d[encodingAt] = dense
	at := 0
	for p := headerSize; p < len(v); {
		r := runAt(v, p)
		if r.value > 0 {
			if at+r.len > registers {
				break
			}
			for i := range r.len {
				setDense(d, Element{uint16(at + i), r.value})
			}
		}
		at += r.len
		p += r.size
	}
	if at != registers {
		return nil, ErrCorrupted
	}
	return d, nil
}

// Count estimates how many different elements were added.
func Count(v []byte) (uint64, error) {
	var h histogram
	if IsDense(v) {
		h.addDense(v)
	} else if !h.addSparse(v) {
		return 0, ErrCorrupted
	}
	return h.estimate(), nil
}

// Register calls fn with each register of a dense value.
func Register(v []byte, fn func(value uint8)) {
	for i := range registers {
		fn(denseAt(v, i))
	}
}

// Registers is how many there are.
const Registers = registers

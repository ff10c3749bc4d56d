package hyperloglog

import "encoding/binary"

const (
	registerBits = 6
	registerMax  = 1<<registerBits - 1
	denseSize    = headerSize + registers*registerBits/8
)

// denseByte is the byte in which a register begins, and from which bit on.
func denseByte(register int) (at, shift int) {
	bit := register * registerBits
	return headerSize + bit/8, bit % 8
}

func denseAt(v []byte, register int) uint8 {
	at, shift := denseByte(register)
	n := v[at] >> shift
	if shift > 8-registerBits {
		n |= v[at+1] << (8 - shift)
	}
	return n & registerMax
}

// Raise adds an element to a dense value.
func Raise(v []byte, e Element) { setDense(v, e) }

// setDense raises a register, and reports whether it was lower.
func setDense(v []byte, e Element) bool {
	at, shift := denseByte(int(e.register))
	if e.count <= denseAt(v, int(e.register)) {
		return false
	}
	v[at] = v[at]&^(registerMax<<shift) | e.count<<shift
	if shift > 8-registerBits {
		v[at+1] = v[at+1]&^(registerMax>>(8-shift)) | e.count>>(8-shift)
	}
	return true
}

// Raises reports whether adding an element would change a dense value, and which bytes: from one on and below another.
func Raises(v []byte, e Element) (from, to int, ok bool) {
	from, shift := denseByte(int(e.register))
	to = from + 1
	if shift > 8-registerBits {
		to++
	}
	return from, to, e.count > denseAt(v, int(e.register))
}

// eachDense calls fn with the registers of a dense value, eight at a time, six bits each from the lowest on.
func eachDense(v []byte, fn func(first int, eight uint64)) {
	body := v[headerSize:denseSize]
	for i := 0; i < registers; i += 8 {
		six := body[i*registerBits/8:][:registerBits]
		fn(i, uint64(binary.LittleEndian.Uint32(six))|uint64(binary.LittleEndian.Uint16(six[4:]))<<32)
	}
}

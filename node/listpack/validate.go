package listpack

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	errShort = errors.New("listpack: shorter than its header")
	errEnd   = errors.New("listpack: does not end with its mark")
)

// Validate tells whether lp is a listpack that the functions of this package can work with. Deep looks at every
// element, and must have been done for bytes that come from outside; otherwise only at the frame.
func Validate(lp []byte, deep bool) error {
	if len(lp) < emptyLen {
		return errShort
	}
	if total := binary.LittleEndian.Uint32(lp); uint64(total) != uint64(len(lp)) {
		return fmt.Errorf("listpack: %d bytes instead of the %d of its header", len(lp), total)
	}
	if lp[len(lp)-1] != tagEnd {
		return errEnd
	}
	if !deep {
		return nil
	}
	elements, n := lp[:len(lp)-1], 0
	for at := headerLen; at < len(elements); n++ {
		// Nearly all are of a size that the first byte tells.
		head := elements[at]
		if behind := at + int(wholeSizes[head]); head <= tagInt64 && behind > at+1 && behind <= len(elements) &&
			int(elements[behind-1]) == behind-at-1 {
			at = behind
			continue
		}
		next, err := validateElement(elements, at)
		if err != nil {
			return err
		}
		at = next
	}
	if told := count(lp); told != manyElement && told != n {
		return fmt.Errorf("listpack: %d elements instead of the %d of its header", n, told)
	}
	return nil
}

// validateElement returns the offset behind the element at at of elements.
func validateElement(elements []byte, at int) (next int, err error) {
	p := elements[at:]
	if p[0] > tagInt64 {
		return 0, fmt.Errorf("listpack: unknown element %#x at %d", p[0], at)
	}
	if len(p) < headSize(p[0]) {
		return 0, fmt.Errorf("listpack: the element at %d is cut off", at)
	}
	size := sizeAt(p)
	back := backSize(size)
	if size+back > len(p) {
		return 0, fmt.Errorf("listpack: the element at %d reaches beyond the end", at)
	}
	// The back length must be what would be written: going backwards relies on its size.
	var want [5]byte
	putBack(want[:], size)
	if string(p[size:size+back]) != string(want[:back]) {
		return 0, fmt.Errorf("listpack: the element at %d has a wrong back length", at)
	}
	return at + size + back, nil
}

// headSize is how many bytes are needed to tell the size of an element that begins with b.
func headSize(b byte) int {
	switch {
	case b&maskStr12 == tagStr12:
		return 2
	case b == tagStr32:
		return 5
	}
	return 1
}

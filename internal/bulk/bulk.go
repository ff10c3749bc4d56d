package bulk

import (
	"runtime"
	"slices"
)

const (
	// piece is a fraction of a millisecond's work, also where the kernel has to provide the memory.
	piece = 256 << 10
	// page is what a large block's size is a multiple of, in Go's allocator.
	page = 8 << 10
)

// Copy is copy. Where the two overlap, dst has to begin before src.
func Copy(dst, src []byte) int {
	n := min(len(dst), len(src))
	for at := 0; ; {
		if n-at <= piece {
			return at + copy(dst[at:n], src[at:n])
		}
		at += copy(dst[at:at+piece], src[at:])
		runtime.Gosched()
	}
}

// Clear zeroes b.
func Clear(b []byte) {
	for len(b) > piece {
		clear(b[:piece])
		b = b[piece:]
		runtime.Gosched()
	}
	clear(b)
}

// Make makes zeroes; their capacity is what the allocator really gave.
func Make(size int) []byte {
	if size <= piece {
		return append([]byte(nil), make([]byte, size)...)
	}
	return make([]byte, size, (size+page-1)/page*page)
}

// Clone copies b into a block of its own; its capacity is what the allocator really gave.
func Clone(b []byte) []byte {
	if len(b) <= piece {
		return append([]byte(nil), b...)
	}
	c := Make(len(b))
	Copy(c, b)
	return c
}

// Append is append.
func Append(b, more []byte) []byte {
	if len(more)+len(b) <= piece || len(more) <= piece && len(b)+len(more) <= cap(b) {
		return append(b, more...)
	}
	n := len(b)
	b = Grow(b, len(more))[:n+len(more)]
	Copy(b[n:], more)
	return b
}

// Grow is slices.Grow.
func Grow(b []byte, more int) []byte {
	size := len(b) + more
	if size <= cap(b) {
		return b
	}
	if size <= piece {
		return slices.Grow(b, more)
	}
	if len(b) > 0 {
		size = max(size, cap(b)+cap(b)/4)
	}
	grown := Make(size)[:len(b)]
	Copy(grown, b)
	return grown
}

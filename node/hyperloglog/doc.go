// Package hyperloglog is the bytes of a HyperLogLog, in Redis's own format: a string that tells about how many
// different elements were added to it. The same operations make the same bytes as in Redis 7.0, so that values move
// both ways.
//
//	"HYLL" | 0 dense, 1 sparse (1) | unused (3) | cached count, little-endian (8) | registers
//
// The highest bit of the count says that it is out of date. There are 16384 registers; each element has one of them,
// and a number from 1 to 51, of which the register keeps the highest (hash.go). Dense, they are 6 bits each, the first
// one in the lowest bits of the first byte (dense.go). Sparse, they are runs of equal ones (sparse.go). A value is
// sparse while it is short, and once dense it stays so.
//
// Bytes may be anybody's: whatever they are, functions answer ErrForeign or ErrCorrupted and do not panic. A function
// that changes a value works in place where it can and returns the result, as append does.
//
// It is pure and imports nothing of the project. Begin with Add in hyperloglog.go.
package hyperloglog

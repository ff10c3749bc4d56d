// Package geohash is the arithmetic of places on the earth: a place as a number of 52 bits, which is its score in a
// sorted set, distances, and in which ranges of scores the places within a circle or a box lie.
//
// Every number is what Redis 7.0 comes to, to the last bit: calculations run in its order of operations, and each
// product is rounded before it is added to (float64(a*b) + c), as a compiler may fuse the two elsewhere. Sines,
// cosines and arc sines are those of the GNU C library on a processor that has fused multiplication and addition
// (trig.go): Go's own differ in the last bit, which shows where a distance becomes a score.
//
// It is pure and imports nothing of the project. Begin with Encode in point.go; Shape.Ranges in shape.go is the search.
package geohash

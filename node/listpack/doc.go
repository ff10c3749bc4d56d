// Package listpack keeps small collections in one run of bytes, in Redis's own formats: listpack (a sequence of strings
// and integers) and intset (a sorted array of integers). What it builds can be written to a dump as it stands, and what
// a dump holds can be used after Validate.
//
// Everything here is a pure function on a []byte. A function that changes one works in place where it can and returns
// the result, as append does: the caller keeps what is returned and gives up what it passed. Values handed in must not
// lie in the bytes that are changed.
//
// An element of a listpack is named by its offset. An integer in its plain decimal form is stored as an integer; it
// can't be told from the text that was put in. A listpack looks like this, with all numbers little-endian:
//
//	total bytes (4) | number of elements (2; 65535: too many to tell) | elements | 0xff
//
// and each element is its encoding and length, its bytes, and the size of both once more, to go backwards by.
package listpack

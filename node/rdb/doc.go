// Package rdb reads and writes Redis's snapshot format.
//
// A snapshot is a stream: magic and version, auxiliary fields, then for each
// database its number, size hints and entries, an end mark and a CRC-64. Writer
// puts entries out as they are handed to it; Reader hands them to callbacks as
// they arrive. Neither holds more than one entry in memory, does I/O beyond the
// io.Writer or io.Reader it was given, or knows what a database does with the
// entries. A Writer or Reader belongs to one goroutine.
//
// Writer makes version 10, which Redis 7.0 and later load, or 12 where hashes have fields that expire, for Redis 7.4
// and later. Reader accepts versions 1 to 12 and all forms of values there have been, but modules' own: these end the
// reading with an UnknownTypeError, since they have no length by which to skip them.
//
// Small collections are one run of bytes, in the formats of package listpack: Writer copies them, Reader checks every
// byte of them. The elements of large ones are streamed. A payload, as DUMP makes and RESTORE takes, is a single value
// with version and checksum.
//
// Invariants: what the Writer wrote is read back equal; damaged input ends in
// an error with the offset, never in a panic, and memory is set aside only in
// proportion to bytes that have really arrived.
package rdb

// Package resp speaks the Redis serialization protocol, versions 2 and 3, and describes commands.
//
// The way of the data, seen from a server: bytes read from a connection go into a Parser, which cuts them into commands
// whose arguments alias its buffer; a Table finds the Command row for the arguments and checks their number; the row's
// Run appends its reply to a Writer, whose Buf the connection's owner sends. Seen from a client: AppendCommand (or
// Client) produces commands, Reader turns reply bytes into Values.
//
// Nothing here decides what a command does, and only Client touches a connection: Parser and Writer are plain
// buffers owned by one goroutine at a time, Table is immutable once built and shared by all.
//
// Invariants:
//   - arguments handed out by Parser.Next live until the next Parser.Space call;
//   - the difference between RESP2 and RESP3 exists only in Writer;
//   - everything said about a command (COMMAND INFO, DOCS, GETKEYS, arity errors) comes from its one row;
//   - flags, categories and key flags are declared once, next to the name they print as;
//   - a peer's length field never makes us allocate more than a small multiple of the bytes it really sent.
package resp

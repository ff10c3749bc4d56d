package resp

import "bytes"

// Greets reports whether a command is one of those that clients' libraries and tools say before they are asked for
// anything: a password, the protocol, a name, a database, and which commands there are.
func Greets(args [][]byte) bool {
	for _, name := range greetings {
		if bytes.EqualFold(args[0], name) {
			return true
		}
	}
	return false
}

var greetings = [][]byte{[]byte("auth"), []byte("hello"), []byte("client"), []byte("select"), []byte("command")}

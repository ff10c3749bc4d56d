package resp

import (
	"bytes"
	"sync/atomic"
	"time"
)

// IsHTTP reports whether a command is in truth the beginning of an HTTP request, as a web page can have a browser send
// one: "POST", or its header "Host:". What stands behind it, in the body, is not to be executed, so the connection must
// be ended at once. A word ends at its first NUL, as in Redis.
func IsHTTP(args [][]byte) bool {
	word := args[0]
	if end := bytes.IndexByte(word, 0); end >= 0 {
		word = word[:end]
	}
	return bytes.EqualFold(word, []byte("post")) || bytes.EqualFold(word, []byte("host:"))
}

// HTTPWarning is Redis's log line about a connection that IsHTTP ended.
const HTTPWarning = "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to " +
	"Redis. " +
	"This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. " +
	"Connection aborted."

// Sparing lets one through in a while: of lines in a log that strangers can cause as often as they like. The zero value
// is ready.
type Sparing struct{ last atomic.Int64 }

// Due reports whether nobody was told so since every before now, given as a time on any clock.
func (s *Sparing) Due(now time.Time, every time.Duration) bool {
	last, at := s.last.Load(), now.UnixNano()
	return (last == 0 || at-last >= int64(every)) && s.last.CompareAndSwap(last, at)
}

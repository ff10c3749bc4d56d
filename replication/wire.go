package replication

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/resp"
)

// defaultTimeout is repl-timeout, where nobody says otherwise.
const defaultTimeout = 60 * time.Second

// Hello is how a member introduces itself to its predecessor: REPLCONF holdfast <json>, before PSYNC.
type Hello struct {
	Group  string         `json:"group"`
	Epoch  uint64         `json:"epoch"`  // that the follower has adopted
	Member cluster.Member `json:"member"` // the follower
	To     cluster.Member `json:"to"`     // whom it means to follow

	Installation string `json:"installation,omitempty"` // the follower's

	Level cluster.Level `json:"level,omitempty"` // the newest feature level that the follower understands
}

// ParseHello reads the argument of REPLCONF holdfast.
func ParseHello(text []byte) (Hello, error) {
	var h Hello
	if err := json.Unmarshal(text, &h); err != nil {
		return Hello{}, fmt.Errorf("replication: hello: %w", err)
	}
	return h, nil
}

// staleEpoch begins the refusal of a follower that is in another epoch: one of the two will learn, so it asks again
// soon.
const staleEpoch = "STALEEPOCH"

// otherEpoch begins that refusal where it is for the epoch's sake alone.
const otherEpoch = staleEpoch + " this node is in epoch "

// IsOtherEpoch reports whether a hello was refused because one of the two has to learn of an epoch yet.
func IsOtherEpoch(err error) bool {
	var reply resp.Error
	return errors.As(err, &reply) && strings.HasPrefix(string(reply), otherEpoch)
}

// What members are told that can do better than to take a full copy; see Lineage.Advise.
const (
	behind = "BEHIND"
	rewind = "REWIND"
)

// Check decides whether the member self of a group, as of the epoch it has adopted, may take who said hello for a
// follower, who has to understand a feature level. The error is the reply.
func (h Hello) Check(installation string, g cluster.Group, needed cluster.Level, self cluster.Member) error {
	foreign := cluster.Foreign(h.Member.Label(), h.Installation, installation)
	tooOld := cluster.TooOld(h.Member.Label(), h.Level, needed)
	switch {
	case foreign != nil:
		return resp.Error("ERR " + foreign.Error())
	case h.Group != g.Name:
		return resp.Error(fmt.Sprintf("ERR this node belongs to group '%s', not '%s'", g.Name, h.Group))
	case tooOld != nil:
		return resp.Error("ERR " + tooOld.Error())
	case !h.To.Is(self):
		return resp.Error(fmt.Sprintf("%s this node is %s %s, not %s %s", staleEpoch, self.Name, self.Incarnation,
			h.To.Name, h.To.Incarnation))
	case h.Epoch != g.Epoch:
		return resp.Error(fmt.Sprintf("%s%d, not %d", otherEpoch, g.Epoch, h.Epoch))
	}
	return nil
}

// appendAck appends REPLCONF ACK; in a chain, what the members behind this one hold too, and in which epoch that holds.
func appendAck(buf []byte, a ack) []byte {
	words := append(make([]string, 0, 9), "REPLCONF", "ACK", strconv.FormatInt(a.offset, 10))
	if a.chain {
		words = append(words, "COMMIT", strconv.FormatInt(a.commit, 10), "EPOCH", strconv.FormatUint(a.epoch, 10))
		if a.progress > 0 {
			words = append(words, "PROGRESS", strconv.FormatInt(a.progress, 10))
		}
	}
	return resp.AppendCommandStrings(buf, words...)
}

// ack is a parsed REPLCONF ACK.
type ack struct {
	offset int64  // the follower's own end
	chain  bool   // commit and epoch were stated
	commit int64  // what it and those behind it hold
	epoch  uint64 // in which it says so

	progress int64 // how many bytes of giant commands have come through there and behind it
}

// parseAck reads REPLCONF ACK offset [COMMIT offset EPOCH epoch [PROGRESS bytes]]; ok is false for any other command.
func parseAck(args [][]byte) (a ack, ok bool) {
	if len(args) < 3 || !isWord(args[0], "replconf") || !isWord(args[1], "ack") {
		return ack{}, false
	}
	if a.offset, ok = resp.ParseInt(args[2]); !ok {
		return ack{}, false
	}
	if len(args) >= 7 && isWord(args[3], "commit") && isWord(args[5], "epoch") {
		commit, ok := resp.ParseInt(args[4])
		epoch, err := strconv.ParseUint(string(args[6]), 10, 64)
		a.commit, a.epoch, a.chain = commit, epoch, ok && err == nil
	}
	if a.chain && len(args) >= 9 && isWord(args[7], "progress") {
		if n, ok := resp.ParseInt(args[8]); ok && n > 0 {
			a.progress = n
		}
	}
	return a, true
}

// isWord compares without case; word is lower case.
func isWord(b []byte, word string) bool {
	return len(b) == len(word) && strings.EqualFold(string(b), word)
}

// timeoutOf asks a timeout setting; nil or nothing means the default.
func timeoutOf(setting func() time.Duration) time.Duration {
	if setting != nil {
		if d := setting(); d > 0 {
			return d
		}
	}
	return defaultTimeout
}

// deadlineWriter writes to a connection, each write bounded by the timeout.
type deadlineWriter struct {
	conn    net.Conn
	timeout func() time.Duration
	sent    *atomic.Int64 // counts the bytes
}

func (w deadlineWriter) Write(p []byte) (int, error) {
	if err := w.conn.SetWriteDeadline(time.Now().Add(timeoutOf(w.timeout))); err != nil {
		return 0, err
	}
	n, err := w.conn.Write(p)
	w.sent.Add(int64(n))
	return n, err
}

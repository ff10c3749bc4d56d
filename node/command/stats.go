package command

import (
	"time"

	"holdfast/server"
)

// Stats are the counters of INFO and CONFIG RESETSTAT.
type Stats struct {
	server.Stats             // of connections; traffic is counted with that of replication
	Commands                 int64
	ReplInput, ReplOutput    int64 // from the master, to replicas
	ExpiredKeys, EvictedKeys int64
	ExpiredSubkeys           int64 // fields of hashes
	// nanoseconds for which maxmemory was exceeded, without the present time
	MemoryExceeded int64
	ExpireCapped   int64 // turns of the active expiry that ended as their time was over
	ExpireNanos    int64 // spent by it
	// per cent of the keys it looks at that have expired, a moving average
	StalePerc                               float64
	KeyspaceHits, KeyspaceMisses            int64
	SyncFull, SyncPartialOK, SyncPartialErr int64
	ErrorReplies                            int64
	Errors                                  map[string]int64 // by first word
	PerCommand                              map[string]*CommandStat
	byRow                                   []*CommandStat // by the command's place in the table
	Unexpected                              int64
	OpsPerSec                               int64
	InputKbps, OutputKbps                   float64 // KiB a second, as OpsPerSec
	ReplInputKbps, ReplOutputKbps           float64
	PeakMemory                              int64 // the most that INFO and the node's clock have seen in use
}

// CommandStat is what INFO commandstats shows of one command.
type CommandStat struct {
	Calls, Rejected, Failed int64
	Latency                 Histogram

	nanos int64
}

// Usec is how many microseconds all calls took together.
func (s *CommandStat) Usec() int64 { return s.nanos / 1000 }

// NewStats is all zero.
func NewStats() *Stats {
	return &Stats{Errors: map[string]int64{}, PerCommand: map[string]*CommandStat{}}
}

// Rates works out what happened a second since before, a copy of the counters taken that long ago. After CONFIG
// RESETSTAT the counters are behind the copy: then there is no rate yet.
func (s *Stats) Rates(before Stats, since time.Duration) {
	perSecond := func(now, then int64) float64 { return max(0, float64(now-then)/since.Seconds()) }
	s.OpsPerSec = int64(perSecond(s.Commands, before.Commands))
	s.InputKbps = perSecond(s.NetInput, before.NetInput) / 1024
	s.OutputKbps = perSecond(s.NetOutput, before.NetOutput) / 1024
	s.ReplInputKbps = perSecond(s.ReplInput, before.ReplInput) / 1024
	s.ReplOutputKbps = perSecond(s.ReplOutput, before.ReplOutput) / 1024
}

// NoteExpiry counts what a turn of the active expiry saw.
func (s *Stats) NoteExpiry(visited, expired int, took time.Duration) {
	s.ExpireNanos += int64(took)
	s.StalePerc = 0.05*100*float64(expired)/float64(visited) + 0.95*s.StalePerc
}

// TurnTook is how long the commands of a turn have taken so far.
func (e *Env) TurnTook(began int64) time.Duration { return time.Duration(e.Engine.Tick - began) }

// Error counts an error reply by its first word.
func (s *Stats) Error(text string) {
	s.ErrorReplies++
	for i := 0; i < len(text); i++ {
		if text[i] == ' ' {
			text = text[:i]
			break
		}
	}
	s.Errors[text]++
}

// CountLinks moves what the links have counted into INFO's counters.
func (e *Env) CountLinks() {
	s, t := e.Stats, e.traffic
	s.SyncFull += t.Full.Swap(0)
	s.SyncPartialOK += t.PartialOK.Swap(0)
	s.SyncPartialErr += t.PartialErr.Swap(0)
	in, out := t.Received.Swap(0), t.Sent.Swap(0)
	s.ReplInput += in
	s.ReplOutput += out
	s.NetInput += in + t.Answered.Swap(0)
	s.NetOutput += out + t.Asked.Swap(0)
}

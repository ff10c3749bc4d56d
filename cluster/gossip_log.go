package cluster

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
)

// gossipLog is where memberlist writes its lines: "[ERR] memberlist: …". All are our debug messages, for what it calls
// an error is a datagram lost or a peer gone, its everyday. After Close it is silent: a straggler must not log for a
// program that has moved on.
type gossipLog struct {
	logger *slog.Logger
	silent atomic.Bool
}

// Write takes one line.
func (l *gossipLog) Write(line []byte) (int, error) {
	if l.silent.Load() || !l.logger.Enabled(context.Background(), slog.LevelDebug) {
		return len(line), nil
	}
	text := string(bytes.TrimSpace(line))
	level, rest, ok := strings.Cut(strings.TrimPrefix(text, "["), "] memberlist: ")
	if !ok {
		level, rest = "", text
	}
	l.logger.Debug("gossip: "+rest, "memberlist", strings.ToLower(level))
	return len(line), nil
}

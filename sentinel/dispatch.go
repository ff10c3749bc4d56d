package sentinel

import (
	"context"
	"strings"
	"time"

	"holdfast/internal/rules"
	"holdfast/resp"
	"holdfast/server"
	"holdfast/server/session"
)

// call is what a command's function gets: the sentinel and the connection.
type call struct {
	*Sentinel
	ctx    context.Context
	link   *link
	shared server.Call // as the front end sees it
	sub    bool        // it was forwarded by another sentinel and must be answered here
}

func asCall(c *call) *server.Call { return &c.shared }

const errNoAuth = resp.Error("NOAUTH Authentication required.")

// dispatch is the one place where a command of a connection runs.
func (s *Sentinel) dispatch(ctx context.Context, l *link, args [][]byte) {
	f := &s.front
	f.mu.Lock()
	defer f.mu.Unlock()
	l.s.NetInput = l.s.In.Consumed() + int64(l.s.In.Buffered())
	cmd, err := s.table.Lookup(args)
	introduces := rules.SentinelPlacesForMembers && err == nil && s.member == nil && ofMembers(cmd)
	switch {
	case l.s.Standing != session.Client && !server.MayStay(f.Server, l.s, cmd, introduces, s.cfg.RequirePass, args):
		f.Reject(l.s)
		f.deliver()
		return
	case err != nil && resp.IsHTTP(args):
		if s.warnedOfHTTP.Due(s.now(), time.Minute) {
			s.log.Warn(resp.HTTPWarning, "addr", l.s.Addr)
		}
		l.s.Abort("it speaks HTTP")
		return
	case err == nil:
		err = admit(l.s, cmd)
	}
	if err != nil {
		reply := l.s.BeginReply("")
		s.answer(l, nil, err)
		l.s.EndReply(reply)
	} else {
		if s.run(ctx, l, cmd, args) && introduces {
			f.Stand(l.s, session.Member)
		}
	}
	f.Push(l.s)
	f.deliver()
}

// admit says whether the client may run the command now.
func admit(client *session.Session, cmd *row) error {
	switch {
	case !client.Authenticated && cmd.Flags&resp.NoAuth == 0:
		return errNoAuth
	case client.W.Proto != 3 && client.InPubSub() && cmd.Flags&resp.WhileSubscribed == 0:
		return server.ErrInPubSub(cmd.FullName())
	}
	return nil
}

// run runs a command that was admitted. The front's lock, which the caller holds, is held by what the front end knows,
// and by nothing else: other commands may wait. It reports whether the command has succeeded.
func (s *Sentinel) run(ctx context.Context, l *link, cmd *row, args [][]byte) bool {
	f := &s.front
	f.mu.Unlock()
	s.pause.wait(ctx, cmd.FullName())
	f.mu.Lock()
	l.s.LastActive = s.now()
	s.commands.Add(1)
	c := &call{Sentinel: s, ctx: ctx, link: l, shared: server.Call{
		Server: f.Server, S: l.s, Now: l.s.LastActive, Command: cmd.FullName(), Password: s.cfg.RequirePass,
	}}
	var err error
	if ofFront(cmd) {
		reply := l.s.BeginReply(cmd.FullName())
		err = cmd.Run(c, args, &l.s.W)
		s.answer(l, nil, err)
		l.s.EndReply(reply)
	} else {
		w := resp.Writer{Proto: l.s.W.Proto}
		f.mu.Unlock()
		err = cmd.Run(c, args, &w)
		f.mu.Lock()
		reply := l.s.BeginReply(cmd.FullName())
		s.answer(l, w.Buf, err)
		l.s.EndReply(reply)
	}
	l.s.Commands++
	l.s.LastCommand = cmd.FullName()
	if t := l.s.Tracking; t != nil && !strings.HasPrefix(cmd.FullName(), "client|") {
		t.Caching = false // it was said of one command
	}
	return err == nil
}

// answer writes a reply, or the error in its place.
func (s *Sentinel) answer(l *link, reply []byte, err error) {
	l.s.W.Raw(reply)
	if err != nil {
		s.traffic.errors.Add(1)
		l.s.W.Error(err)
	}
}

// ofFront reports whether a command is about connections and nothing else.
func ofFront(cmd *row) bool { return cmd.Group == "connection" || cmd.Group == "pubsub" }

// ofMembers names what only nodes and sentinels say.
func ofMembers(cmd *row) bool {
	switch cmd.FullName() {
	case "holdfast|hello", "holdfast|heartbeat", "holdfast|report", "holdfast|bootstrap", "holdfast|forward",
		"holdfast|removed", "holdfast|is-removed":
		return true
	}
	return false
}

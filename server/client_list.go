package server

import (
	"strconv"
	"strings"
	"time"

	"holdfast/resp"
	"holdfast/server/session"
)

func textLength(args [][]byte) (n int) {
	for _, a := range args {
		n += len(a)
	}
	return n
}

func clientInfo(c *Call, args [][]byte, w *resp.Writer) error {
	c.S.ArgvMemory = textLength(args)
	w.Verbatim("txt", string(c.describe(nil, c.S)))
	c.S.ArgvMemory = 0
	return nil
}

func clientList(c *Call, args [][]byte, w *resp.Writer) error {
	f := clientFilter{listed: true, badID: resp.Error("ERR Invalid client ID")}
	if err := f.parse(args[2:]); err != nil {
		return err
	}
	c.S.ArgvMemory = textLength(args)
	defer func() { c.S.ArgvMemory = 0 }()
	var list []byte
	if ids, only := f.onlyIDs(); only { // in the order asked for
		for _, id := range ids {
			if s := c.Clients.Get(id); s != nil && c.isPresent(s) {
				list = c.describe(list, s)
			}
		}
	} else {
		for _, s := range c.present() {
			if f.fits(c.factsOf(s)) {
				list = c.describe(list, s)
			}
		}
		for _, r := range c.Host.Replicas() {
			if f.fits(factsOfReplica(r)) {
				list = describeReplica(list, r)
			}
		}
	}
	w.Verbatim("txt", string(list))
	return nil
}

// isPresent leaves out connections that were killed and whose driver has yet to notice.
func (c *Call) isPresent(s *session.Session) bool {
	closing, _ := s.Closing()
	return !closing || s == c.S
}

func (c *Call) present() []*session.Session {
	all := c.Clients.All()
	kept := all[:0]
	for _, s := range all {
		if c.isPresent(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// mostReplyBuffer is where Redis's reply buffers end and its lists of replies begin. Here one buffer takes both.
const mostReplyBuffer = 16 << 10

// describe appends a connection's line of CLIENT LIST. Its socket's number is not known here.
func (c *Call) describe(b []byte, s *session.Session) []byte {
	queued, queuedMemory := -1, 0
	if s.Tx != nil {
		queued = len(s.Tx.Queue)
		for _, args := range s.Tx.Queue {
			for _, a := range args {
				queuedMemory += len(a)
			}
		}
	}
	reply, waiting := min(s.W.Held(), mostReplyBuffer), s.Out.Len()
	events := "r"
	if waiting > 0 {
		events = "rw"
	}
	last := s.LastCommand
	if s == c.S {
		last = c.Command
	}
	if last == "" {
		last = "NULL"
	}
	now := c.Now
	b = append(b, "id="+text(s.ID)+" addr="+s.Addr+" laddr="+s.LocalAddr+" fd=-1 name="+s.Name...)
	for _, f := range []struct {
		name  string
		value int64
	}{
		{" age=", int64(now.Sub(s.Created) / time.Second)}, {" idle=", int64(now.Sub(s.LastActive) / time.Second)},
	} {
		b = strconv.AppendInt(append(b, f.name...), max(f.value, 0), 10)
	}
	b = append(append(b, " flags="...), clientFlags(s)...)
	for _, f := range []struct {
		name  string
		value int
	}{
		{" db=", s.DB}, {" sub=", s.Subscriptions}, {" psub=", s.PSubscriptions}, {" ssub=", s.SSubscriptions},
		{" multi=", queued}, {" qbuf=", s.QueryBuffer}, {" qbuf-free=", s.QueryFree},
		{" argv-mem=", s.ArgvMemory},
		{" multi-mem=", queuedMemory}, {" rbs=", reply}, {" rbp=", reply}, {" obl=", s.W.Len()}, {" oll=", 0},
		{" omem=", waiting}, {" tot-mem=", s.QueryBuffer + s.QueryFree + s.ArgvMemory + queuedMemory + s.W.Held() +
			waiting},
	} {
		b = strconv.AppendInt(append(b, f.name...), int64(f.value), 10)
	}
	b = append(b, " events="+events+" cmd="+last+" user="+s.User+" redir="+text(s.Tracking.Redirection())+" resp="+
		text(int64(protocol(s)))...)
	// What is later than 7.0 stands behind what that has, as there are those who take the line as a whole.
	return append(b, " capa="+clientCapabilities(s)+" watch="+text(int64(len(s.Watched)))+
		" lib-name="+s.LibName+" lib-ver="+s.LibVer+" tot-net-in="+text(s.NetInput)+" tot-net-out="+
		text(s.Out.Sent())+" tot-cmds="+text(s.Commands)+"\n"...)
}

// clientFlags are the letters of a connection's state.
func clientFlags(s *session.Session) string {
	var f strings.Builder
	closing, _ := s.Closing()
	t := s.Tracking
	for _, flag := range []struct {
		letter byte
		set    bool
	}{
		{'O', s.Monitor}, {'P', s.InPubSub()}, {'x', s.Tx != nil}, {'b', s.Blocked() != nil || s.Postponed},
		{'t', t != nil}, {'R', t != nil && t.Broken}, {'B', t != nil && t.Broadcast}, {'d', s.DirtyCAS}, {'c', closing},
		{'r', s.ReadOnly}, {'e', s.NoEvict}, {'T', s.NoTouch},
	} {
		if flag.set {
			f.WriteByte(flag.letter)
		}
	}
	if f.Len() == 0 {
		return "N"
	}
	return f.String()
}

// clientCapabilities are the letters of what a client has said that it can do.
func clientCapabilities(s *session.Session) string {
	if s.Redirects {
		return "r"
	}
	return ""
}

// describeReplica appends the link of a replica: it is no session any more, so little is known of it here.
func describeReplica(b []byte, r Replica) []byte {
	return append(b, "id=0 addr="+r.Addr+" laddr=? fd=-1 name= age=0 idle="+text(r.Idle)+
		" flags=S db=0 sub=0 psub=0 ssub=0 multi=-1"+
		" qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=replconf"+
		" user=default redir=-1 resp=2 capa= watch=0 lib-name= lib-ver= tot-net-in=0 tot-net-out=0 tot-cmds=0\n"...)
}

func text(n int64) string { return strconv.FormatInt(n, 10) }

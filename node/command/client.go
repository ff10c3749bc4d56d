package command

import (
	"strconv"
	"strings"
	"time"

	"holdfast/node/session"
	"holdfast/resp"
)

// clientRows is CLIENT.
var clientRows = []Command{{
	Name: "client", Arity: -2, Group: "connection", Since: "2.4.0", Complexity: "that of the subcommand",
	Summary: "Looks at and changes client connections.",
	Sub: []Command{
		clientSub("caching", 3, 0, "6.0.0", "mode=(YES|NO)", "Says whether the next command's keys are tracked.", clientCaching),
		clientSub("getname", 2, 0, "2.6.9", "", "Answers the connection's name.", clientGetName),
		clientSub("getredir", 2, 0, "6.0.0", "", "Answers where invalidations go.", clientGetRedir),
		clientSub("id", 2, 0, "5.0.0", "", "Answers the connection's id.", clientID),
		tipped(clientSub("info", 2, 0, "6.2.0", "", "Describes the connection.", clientInfo), "nondeterministic_output"),
		clientSub("kill", -3, resp.Admin, "2.4.0",
			"filter=(old-format=ip:port|new-format=([ID client-id:integer]@2.8.12|[TYPE (NORMAL|MASTER@3.2.0|SLAVE|REPLICA@5.0.0|PUBSUB)]@2.8.12|[USER username]|[ADDR addr]|[LADDR laddr]@6.2.0|[SKIPME yes/no])...)",
			"Closes connections.", clientKill),
		tipped(clientSub("list", -2, resp.Admin, "2.4.0", "[TYPE (NORMAL|MASTER|REPLICA|PUBSUB)]@5.0.0 [ID id=(client-id:integer...)]@6.2.0",
			"Describes all connections.", clientList), "nondeterministic_output"),
		clientSub("no-evict", 3, resp.Admin, "7.0.0", "enabled=(ON|OFF)", "Spares the connection when memory is short.", clientNoEvict),
		clientSub("import-source", 3, resp.Admin, "8.1.0", "enabled=(ON|OFF)", "Executes its commands as another server has decided them: nothing expires for them.", clientImportSource),
		clientSub("no-touch", 3, 0, "7.2.0", "enabled=(ON|OFF)", "Leaves the access times of the keys it uses alone.", clientNoTouch),
		clientSub("pause", -3, resp.Admin, "2.9.50", "timeout:integer mode=[WRITE|ALL]@6.2.0", "Holds clients' commands back for a while.", clientPause),
		clientSub("reply", 3, 0, "3.2.0", "(ON|OFF|SKIP)", "Switches replies on and off.", clientReply),
		clientSub("setinfo", 4, 0, "7.2.0", "attr=(LIB-NAME libname|LIB-VER libver)", "Names the client's library.", clientSetInfo),
		clientSub("setname", 3, 0, "2.6.9", "connection-name", "Names the connection.", clientSetName),
		clientSub("tracking", -3, 0, "6.0.0",
			"status=(ON|OFF) [REDIRECT client-id:integer] [PREFIX prefix]... [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
			"Switches the tracking of keys for client-side caching.", clientTracking),
		clientSub("trackinginfo", 2, 0, "6.2.0", "", "Describes the tracking of the connection.", clientTrackingInfo),
		clientSub("unblock", -3, resp.Admin, "5.0.0", "client-id:integer [TIMEOUT|ERROR]", "Ends a blocked command of another connection.", clientUnblock),
		clientSub("unpause", 2, resp.Admin, "6.2.0", "", "Lets held back clients go on.", clientUnpause),
		{
			Name: "help", Arity: 2, Flags: always, Categories: resp.CatConnection, Since: "5.0.0", Complexity: "O(1)",
			Summary: "Explains the subcommands.", Run: clientHelp,
		},
	},
}}

func clientSub(name string, arity int, flags resp.Flag, since, syntax, summary string, run handler) Command {
	complexity := "O(1)"
	if name == "list" || name == "kill" || name == "unpause" {
		complexity = "O(N) in the number of connections"
	}
	return Command{
		Name: name, Arity: arity, Flags: flags | resp.NoScript | always, Categories: resp.CatConnection,
		Since: since, Complexity: complexity, Summary: summary, Syntax: syntax, Run: run,
	}
}

func tipped(row Command, tips ...string) Command {
	row.Tips = tips
	return row
}

func clientID(c *Context, _ [][]byte, w *resp.Writer) error {
	w.Int(c.S.ID)
	return nil
}

func clientGetName(c *Context, _ [][]byte, w *resp.Writer) error {
	if c.S.Name == "" {
		w.Null()
	} else {
		w.BulkString(c.S.Name)
	}
	return nil
}

func clientSetName(c *Context, args [][]byte, w *resp.Writer) error {
	if !printable(args[2]) {
		return errClientName
	}
	c.S.Name = string(args[2])
	w.OK()
	return nil
}

func clientSetInfo(c *Context, args [][]byte, w *resp.Writer) error {
	target := &c.S.LibName
	switch {
	case isWord(args[2], "lib-name"):
	case isWord(args[2], "lib-ver"):
		target = &c.S.LibVer
	default:
		return resp.Error("ERR Unrecognized option '" + cText(args[2]) + "'")
	}
	if !printable(args[3]) {
		return resp.Error("ERR " + cText(args[2]) + " cannot contain spaces, newlines or special characters.")
	}
	*target = string(args[3])
	w.OK()
	return nil
}

func textLength(args [][]byte) (n int) {
	for _, a := range args {
		n += len(a)
	}
	return n
}

func clientInfo(c *Context, args [][]byte, w *resp.Writer) error {
	c.S.ArgvMemory = textLength(args)
	w.Verbatim("txt", string(c.describe(nil, c.S)))
	c.S.ArgvMemory = 0
	return nil
}

// classNamed is the class that CLIENT LIST TYPE and CLIENT KILL TYPE name.
func classNamed(arg []byte) (session.Class, error) {
	switch {
	case isWord(arg, "normal"):
		return session.ClassNormal, nil
	case isWord(arg, "slave"), isWord(arg, "replica"):
		return session.ClassReplica, nil
	case isWord(arg, "pubsub"):
		return session.ClassPubSub, nil
	case isWord(arg, "master"):
		return session.ClassMaster, nil
	}
	return 0, resp.Error("ERR Unknown client type '" + cText(arg) + "'")
}

func clientList(c *Context, args [][]byte, w *resp.Writer) error {
	var text []byte
	c.S.ArgvMemory = textLength(args)
	defer func() { c.S.ArgvMemory = 0 }()
	switch {
	case len(args) == 2:
		for _, s := range c.present() {
			text = c.describe(text, s)
		}
		text = c.describeReplicas(text)
	case len(args) == 4 && isWord(args[2], "type"):
		class, err := classNamed(args[3])
		if err != nil {
			return err
		}
		for _, s := range c.present() {
			if s.Class() == class {
				text = c.describe(text, s)
			}
		}
		if class == session.ClassReplica {
			text = c.describeReplicas(text)
		}
	case len(args) > 3 && isWord(args[2], "id"):
		for _, a := range args[3:] {
			id, ok := resp.ParseInt(a)
			if !ok {
				return resp.Error("ERR Invalid client ID")
			}
			if s := c.Clients.Get(id); s != nil && c.isPresent(s) {
				text = c.describe(text, s)
			}
		}
	default:
		return ErrSyntax
	}
	w.Verbatim("txt", string(text))
	return nil
}

// isPresent leaves out connections that were killed and whose driver has yet to notice.
func (c *Context) isPresent(s *session.Session) bool {
	closing, _ := s.Closing()
	return !closing || s == c.S
}

func (c *Context) present() []*session.Session {
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
func (c *Context) describe(b []byte, s *session.Session) []byte {
	queued, queuedMemory := -1, 0
	if s.Tx != nil {
		queued = len(s.Tx.Queue)
		for _, args := range s.Tx.Queue {
			for _, a := range args {
				queuedMemory += len(a)
			}
		}
	}
	reply, waiting := min(cap(s.W.Buf), mostReplyBuffer), s.Out.Len()
	events := "r"
	if waiting > 0 {
		events = "rw"
	}
	last := s.LastCommand
	if s == c.S {
		last = c.Cmd.FullName()
	}
	if last == "" {
		last = "NULL"
	}
	now := time.UnixMilli(c.Now)
	b = append(b, "id="+itoa(s.ID)+" addr="+s.Addr+" laddr="+s.LocalAddr+" fd=-1 name="+s.Name...)
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
		{" multi=", queued}, {" qbuf=", s.QueryBuffer}, {" qbuf-free=", s.QueryFree}, {" argv-mem=", s.ArgvMemory},
		{" multi-mem=", queuedMemory}, {" rbs=", reply}, {" rbp=", reply}, {" obl=", len(s.W.Buf)}, {" oll=", 0},
		{" omem=", waiting}, {" tot-mem=", s.QueryBuffer + s.QueryFree + s.ArgvMemory + queuedMemory + cap(s.W.Buf) + waiting},
	} {
		b = strconv.AppendInt(append(b, f.name...), int64(f.value), 10)
	}
	b = append(b, " events="+events+" cmd="+last+" user="+s.User+" redir="+itoa(redirection(s))+" resp="+itoa(int64(protocol(s)))...)
	return append(b, " lib-name="+s.LibName+" lib-ver="+s.LibVer+"\n"...)
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

// describeReplicas appends the links of replicas: they are no sessions any more, so little is known of them here.
func (c *Context) describeReplicas(b []byte) []byte {
	for _, r := range c.Node.Replication().Replicas {
		addr := r.Addr + ":" + strconv.Itoa(r.Port)
		b = append(b, "id=0 addr="+addr+" laddr=? fd=-1 name= age=0 idle="+itoa(r.Lag)+" flags=S db=0 sub=0 psub=0 ssub=0 multi=-1"+
			" qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=replconf"+
			" user=default redir=-1 resp=2 lib-name= lib-ver=\n"...)
	}
	return b
}

func clientPause(c *Context, args [][]byte, w *resp.Writer) error {
	writesOnly := false
	switch {
	case len(args) == 3:
	case len(args) > 4:
		return badSubcommand(args)
	case isWord(args[3], "write"):
		writesOnly = true
	case !isWord(args[3], "all"):
		return resp.Error("ERR CLIENT PAUSE mode must be WRITE or ALL")
	}
	ms, err := milliseconds(args[2])
	if err != nil {
		return err
	}
	if end := c.Now + ms; end > c.Now { // an end that can't be counted lies in the past, as in Redis
		c.Node.Pause(time.UnixMilli(end), writesOnly)
	}
	w.OK()
	return nil
}

func clientUnpause(c *Context, _ [][]byte, w *resp.Writer) error {
	c.Node.Unpause()
	w.OK()
	return nil
}

// onOff reads an argument that is ON or OFF.
func onOff(arg []byte) (bool, error) {
	switch {
	case isWord(arg, "on"):
		return true, nil
	case isWord(arg, "off"):
		return false, nil
	}
	return false, ErrSyntax
}

func clientNoEvict(c *Context, args [][]byte, w *resp.Writer) error {
	on, err := onOff(args[2])
	if err != nil {
		return err
	}
	c.S.NoEvict = on
	w.OK()
	return nil
}

// clientImportSource makes a client one that passes on another server's log, which says itself when something has expired; until then
// its commands must find it, however late they come.
func clientImportSource(c *Context, args [][]byte, w *resp.Writer) error {
	on, err := onOff(args[2])
	if err != nil {
		return err
	}
	c.setImportSource(c.S, on)
	w.OK()
	return nil
}

func (e *Env) setImportSource(s *session.Session, on bool) {
	switch {
	case on && !s.ImportSource:
		e.importers++
	case !on && s.ImportSource:
		e.importers--
	}
	s.ImportSource = on
}

func clientNoTouch(c *Context, args [][]byte, w *resp.Writer) error {
	on, err := onOff(args[2])
	if err != nil {
		return err
	}
	c.S.NoTouch = on
	w.OK()
	return nil
}

// clientReply changes the mode; Execute leaves the replies out, this one's too when they are off now.
func clientReply(c *Context, args [][]byte, w *resp.Writer) error {
	switch {
	case isWord(args[2], "on"):
		c.S.Reply = session.ReplyOn
		w.OK()
	case isWord(args[2], "off"):
		c.S.Reply = session.ReplyOff
	case isWord(args[2], "skip"):
		if c.S.Reply != session.ReplyOff {
			c.S.Reply = session.ReplySkipNext
		}
	default:
		return ErrSyntax
	}
	return nil
}

func clientUnblock(c *Context, args [][]byte, w *resp.Writer) error {
	asError := false
	switch {
	case len(args) == 3:
	case len(args) > 4:
		return badSubcommand(args)
	case isWord(args[3], "error"):
		asError = true
	case !isWord(args[3], "timeout"):
		return resp.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
	}
	id, err := intArgument(args[2])
	if err != nil {
		return err
	}
	s := c.Clients.Get(id)
	if s == nil || s.Blocked() == nil || s.Blocked().Timeout == nil {
		w.Int(0)
		return nil
	}
	if asError {
		c.Unblock(s, "UNBLOCKED client unblocked via CLIENT UNBLOCK")
	} else {
		s.Answer(s.Blocked().Timeout)
		c.Pushed = append(c.Pushed, s)
	}
	w.Int(1)
	return nil
}

func clientHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "CLIENT",
		"CACHING (YES|NO)",
		"    Say whether the keys of the next command are tracked.",
		"GETNAME",
		"    Answer the name of this connection.",
		"GETREDIR",
		"    Answer the id of the client that gets this one's invalidations.",
		"ID",
		"    Answer the id of this connection.",
		"INFO",
		"    Describe this connection.",
		"KILL <ip:port>",
		"    Close the connection made from <ip:port>.",
		"KILL <option> <value> [<option> <value> ...]",
		"    Close the connections that fit all options: ID <id>, ADDR <ip:port>, LADDR <ip:port>,",
		"    TYPE (NORMAL|MASTER|REPLICA|PUBSUB), USER <name>. SKIPME NO has this one closed too.",
		"LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <id> ...]",
		"    Describe connections, one on each line.",
		"NO-EVICT (ON|OFF)",
		"    Spare this connection when memory is short.",
		"NO-TOUCH (ON|OFF)",
		"    Leave the access times of keys alone.",
		"PAUSE <milliseconds> [WRITE|ALL]",
		"    Hold back the writes, or all commands, of all clients for a while.",
		"REPLY (ON|OFF|SKIP)",
		"    Switch the replies to this connection on or off, or leave the next one out.",
		"SETINFO (LIB-NAME <name>|LIB-VER <version>)",
		"    Tell the name and version of the client's library.",
		"SETNAME <name>",
		"    Name this connection.",
		"TRACKING (ON|OFF) [<option> ...]",
		"    Switch the tracking of keys on or off.",
		"TRACKINGINFO",
		"    Describe the tracking of this connection.",
		"UNBLOCK <id> [TIMEOUT|ERROR]",
		"    End the command that a client waits in, as if its time were up or with an error.",
		"UNPAUSE",
		"    End a pause.",
	)
	return nil
}

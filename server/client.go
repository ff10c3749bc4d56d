package server

import (
	"slices"
	"time"

	"holdfast/resp"
	"holdfast/server/session"
)

// clientRows is CLIENT.
var clientRows = []row{{
	Name: "client", Arity: -2, Flags: resp.Sentinel, Group: "connection", Since: "2.4.0",
	Complexity: "that of the subcommand",
	Summary:    "Looks at and changes client connections.",
	Sub: []row{
		clientSub("caching", 3, 0, "6.0.0", "mode=(YES|NO)", "Says whether the next command's keys are tracked.",
			clientCaching),
		clientSub("capa", -3, 0, "8.0.0", "capability...",
			"Says what the client can do: redirect, that it goes where it is told to.", clientCapa),
		clientSub("getname", 2, 0, "2.6.9", "", "Answers the connection's name.", clientGetName),
		clientSub("getredir", 2, 0, "6.0.0", "", "Answers where invalidations go.", clientGetRedir),
		clientSub("id", 2, 0, "5.0.0", "", "Answers the connection's id.", clientID),
		tipped(clientSub("info", 2, 0, "6.2.0", "", "Describes the connection.", clientInfo),
			"nondeterministic_output"),
		clientSub("kill", -3, resp.Admin, "2.4.0",
			"filter=(old-format=ip:port|new-format=([ID client-id:integer]@2.8.12|[TYPE "+
				"(NORMAL|MASTER@3.2.0|SLAVE|REPLICA@5.0.0|PUBSUB)]@2.8.12|[USER username]|[ADDR addr]|[LADDR "+
				"laddr]@6.2.0|[SKIPME yes/no]|[MAXAGE maxage:integer]@7.4.0)...)",
			"Closes connections.", clientKill),
		tipped(clientSub("list", -2, resp.Admin, "2.4.0",
			"[TYPE (NORMAL|MASTER|REPLICA|PUBSUB)]@5.0.0 [ID id=(client-id:integer...)]@6.2.0",
			"Describes all connections.", clientList), "nondeterministic_output"),
		clientSub("no-evict", 3, resp.Admin, "7.0.0", "enabled=(ON|OFF)", "Spares the connection when memory is short.",
			clientNoEvict),
		onKeys(clientSub("import-source", 3, resp.Admin, "8.1.0", "enabled=(ON|OFF)",
			"Executes its commands as another server has decided them: nothing expires for them.", clientImportSource)),
		onKeys(clientSub("no-touch", 3, 0, "7.2.0", "enabled=(ON|OFF)",
			"Leaves the access times of the keys it uses alone.", clientNoTouch)),
		clientSub("pause", -3, resp.Admin, "2.9.50", "timeout:integer mode=[WRITE|ALL]@6.2.0",
			"Holds clients' commands back for a while.", clientPause),
		clientSub("reply", 3, 0, "3.2.0", "(ON|OFF|SKIP)", "Switches replies on and off.", clientReply),
		clientSub("setinfo", 4, 0, "7.2.0", "attr=(LIB-NAME libname|LIB-VER libver)", "Names the client's library.",
			clientSetInfo),
		clientSub("setname", 3, 0, "2.6.9", "connection-name", "Names the connection.", clientSetName),
		clientSub("tracking", -3, 0, "6.0.0",
			"status=(ON|OFF) [REDIRECT client-id:integer] [PREFIX prefix]... [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
			"Switches the tracking of keys for client-side caching.", clientTracking),
		clientSub("trackinginfo", 2, 0, "6.2.0", "", "Describes the tracking of the connection.", clientTrackingInfo),
		clientSub("unblock", -3, resp.Admin, "5.0.0", "client-id:integer [TIMEOUT|ERROR]",
			"Ends a blocked command of another connection.", clientUnblock),
		clientSub("unpause", 2, resp.Admin, "6.2.0", "", "Lets held back clients go on.", clientUnpause),
		{
			Name: "help", Arity: 2, Flags: always | resp.Sentinel, Categories: resp.CatConnection, Since: "5.0.0",
			Complexity: "O(1)",
			Summary:    "Explains the subcommands.", Run: clientHelp,
		},
	},
}}

func clientSub(name string, arity int, flags resp.Flag, since, syntax, summary string, run handler) row {
	complexity := "O(1)"
	if name == "list" || name == "kill" || name == "unpause" {
		complexity = "O(N) in the number of connections"
	}
	return row{
		Name: name, Arity: arity, Flags: flags | resp.NoScript | always | resp.Sentinel, Categories: resp.CatConnection,
		Since: since, Complexity: complexity, Summary: summary, Syntax: syntax, Run: run,
	}
}

func tipped(r row, tips ...string) row {
	r.Tips = tips
	return r
}

// onKeys marks a row that a sentinel, which has no keys, does not know.
func onKeys(r row) row {
	r.Flags &^= resp.Sentinel
	return r
}

func clientID(c *Call, _ [][]byte, w *resp.Writer) error {
	w.Int(c.S.ID)
	return nil
}

func clientGetName(c *Call, _ [][]byte, w *resp.Writer) error {
	if c.S.Name == "" {
		w.Null()
	} else {
		w.BulkString(c.S.Name)
	}
	return nil
}

func clientSetName(c *Call, args [][]byte, w *resp.Writer) error {
	if !printable(args[2]) {
		return errClientName
	}
	c.S.Name = string(args[2])
	w.OK()
	return nil
}

func clientSetInfo(c *Call, args [][]byte, w *resp.Writer) error {
	target := &c.S.LibName
	switch {
	case resp.IsWord(args[2], "lib-name"):
	case resp.IsWord(args[2], "lib-ver"):
		target = &c.S.LibVer
	default:
		return resp.Error("ERR Unrecognized option '" + resp.Text(args[2]) + "'")
	}
	if !printable(args[3]) {
		return resp.Error("ERR " + resp.Text(args[2]) + " cannot contain spaces, newlines or special characters.")
	}
	*target = string(args[3])
	w.OK()
	return nil
}

// clientCapa takes any word, as in Valkey: clients may know of more than servers do.
func clientCapa(c *Call, args [][]byte, w *resp.Writer) error {
	for _, a := range args[2:] {
		if resp.IsWord(a, "redirect") {
			c.S.Redirects = true
		}
	}
	w.OK()
	return nil
}

func clientPause(c *Call, args [][]byte, w *resp.Writer) error {
	writesOnly := false
	switch {
	case len(args) == 3:
	case len(args) > 4:
		return resp.BadSubcommand(args)
	case resp.IsWord(args[3], "write"):
		writesOnly = true
	case !resp.IsWord(args[3], "all"):
		return resp.Error("ERR CLIENT PAUSE mode must be WRITE or ALL")
	}
	ms, ok := resp.ParseInt(args[2])
	switch {
	case !ok:
		return resp.Error("ERR timeout is not an integer or out of range")
	case ms < 0:
		return resp.Error("ERR timeout is negative")
	}
	now := c.Now.UnixMilli()
	if end := now + ms; end > now { // an end that can't be counted lies in the past, as in Redis
		c.pause(time.UnixMilli(end), writesOnly)
	}
	w.OK()
	return nil
}

func (c *Call) pause(until time.Time, writesOnly bool) { c.Host.Pause(until, writesOnly) }

func clientUnpause(c *Call, _ [][]byte, w *resp.Writer) error {
	c.pause(time.Time{}, false)
	w.OK()
	return nil
}

func clientNoEvict(c *Call, args [][]byte, w *resp.Writer) error {
	on, err := onOff(args[2])
	if err != nil {
		return err
	}
	c.S.NoEvict = on
	w.OK()
	return nil
}

// clientImportSource makes a client one that passes on another server's log, which says itself when something has
// expired; until then its commands must find it, however late they come.
func clientImportSource(c *Call, args [][]byte, w *resp.Writer) error {
	on, err := onOff(args[2])
	if err != nil {
		return err
	}
	c.importSource(c.S, on)
	w.OK()
	return nil
}

func clientNoTouch(c *Call, args [][]byte, w *resp.Writer) error {
	on, err := onOff(args[2])
	if err != nil {
		return err
	}
	c.S.NoTouch = on
	w.OK()
	return nil
}

// clientReply changes the mode; Execute leaves the replies out, this one's too when they are off now.
func clientReply(c *Call, args [][]byte, w *resp.Writer) error {
	switch {
	case resp.IsWord(args[2], "on"):
		c.S.Reply = session.ReplyOn
		w.OK()
	case resp.IsWord(args[2], "off"):
		c.S.Reply = session.ReplyOff
	case resp.IsWord(args[2], "skip"):
		if c.S.Reply != session.ReplyOff {
			c.S.Reply = session.ReplySkipNext
		}
	default:
		return resp.ErrSyntax
	}
	return nil
}

func clientUnblock(c *Call, args [][]byte, w *resp.Writer) error {
	asError := false
	switch {
	case len(args) == 3:
	case len(args) > 4:
		return resp.BadSubcommand(args)
	case resp.IsWord(args[3], "error"):
		asError = true
	case !resp.IsWord(args[3], "timeout"):
		return resp.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
	}
	id, ok := resp.ParseInt(args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	s := c.Clients.Get(id)
	if s == nil || s.Blocked() == nil || s.Blocked().Timeout == nil {
		w.Int(0)
		return nil
	}
	c.Host.Unblock(s, asError)
	w.Int(1)
	return nil
}

func clientHelp(c *Call, _ [][]byte, w *resp.Writer) error {
	lines := clientHelpLines
	if c.Mode == Sentinel { // which has no keys
		at := slices.Index(lines, "NO-TOUCH (ON|OFF)")
		lines = slices.Concat(lines[:at], lines[at+2:])
	}
	resp.HelpReply(w, "CLIENT", lines...)
	return nil
}

var clientHelpLines = []string{
	"CACHING (YES|NO)",
	"    Say whether the keys of the next command are tracked.",
	"CAPA <capability> [<capability> ...]",
	"    Say what this client can do: REDIRECT, that it goes where it is told to.",
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
	"    Close the connections that fit all options: ID <id> [<id> ...], ADDR <ip:port>, LADDR <ip:port>,",
	"    TYPE (NORMAL|MASTER|REPLICA|PUBSUB), USER <name>, MAXAGE <seconds>, IDLE <seconds>, IP <ip>, DB <n>,",
	"    NAME <name>, LIB-NAME <name>, LIB-VER <version>, FLAGS <letters>, CAPA <letters>; with NOT- before it,",
	"    those that do not. SKIPME NO has this one closed too.",
	"LIST [<option> <value> [<option> <value> ...]]",
	"    Describe the connections that fit all options, one on each line.",
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
}

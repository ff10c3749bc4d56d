package command

import (
	"slices"
	"strconv"
	"time"

	"holdfast/resp"
	"holdfast/server/session"
)

// Redact hides an argument of the command in execution from the slow log and from monitors: a password.
func (c *Context) Redact(i int) { c.call.Secret = append(c.call.Secret, i) }

// observe shows a command that has run to those who look on: the latency monitor, the slow log, clients in MONITOR.
func (e *Env) observe(c *Context, cmd *Command, args [][]byte, took time.Duration) {
	if threshold := e.Config.LatencyMonitorThreshold(); threshold > 0 {
		event := "command"
		if cmd.Flags&resp.Fast != 0 {
			event = "fast-command"
		}
		e.NoteLatency(event, took)
	}
	if slower := e.Config.SlowlogLogSlowerThan(); slower >= 0 && cmd.Flags&resp.SkipSlowlog == 0 {
		if b := c.S.Blocked(); b != nil { // it is not over yet
			b.Took, b.Command = took, shortened(c.shown(args))
		} else if took.Microseconds() >= slower {
			e.noteSlow(c, shortened(c.shown(args)), took)
		}
	}
	if len(e.monitors) > 0 && cmd.Flags&(resp.SkipMonitor|resp.Admin) == 0 {
		e.feedMonitors(c, args)
	}
	c.call.Secret = c.call.Secret[:0]
}

// observeServed is observe for a blocked command that was served, in the given time; waiting doesn't count.
func (e *Env) observeServed(c *Context, cmd *Command, b *session.Block, took time.Duration) {
	e.NoteLatency("command-unblocking", took)
	took += b.Took
	stat := e.statOf(cmd)
	stat.nanos += int64(took)
	stat.Latency.Observe(took)
	if slower := e.Config.SlowlogLogSlowerThan(); b.Command != nil && slower >= 0 && took.Microseconds() >= slower {
		e.noteSlow(c, b.Command, took)
	}
}

func (e *Env) noteSlow(c *Context, args []string, took time.Duration) {
	e.slow.add(slowEntry{
		at: c.Now / 1000, micros: took.Microseconds(), args: args, addr: c.S.Addr, client: c.S.Name,
	}, e.Config.SlowlogMaxLen())
}

// shown are the arguments with those that were redacted made out.
func (c *Context) shown(args [][]byte) [][]byte {
	if len(c.call.Secret) == 0 {
		return args
	}
	list := append([][]byte(nil), args...)
	for _, i := range c.call.Secret {
		list[i] = []byte("(redacted)")
	}
	return list
}

// feedMonitors pushes a line about a command to every client in MONITOR.
func (e *Env) feedMonitors(c *Context, args [][]byte) {
	if e.Engine.Loading() {
		return
	}
	now := time.Now()
	line := strconv.AppendInt([]byte{'+'}, now.Unix(), 10)
	micros := strconv.Itoa(1_000_000 + now.Nanosecond()/1000)
	line = append(append(append(line, '.'), micros[1:]...), " ["...)
	line = strconv.AppendInt(line, int64(c.S.DB), 10)
	from := c.S.Addr
	if c.scripted {
		from = "lua"
	}
	line = append(append(append(line, ' '), from...), ']')
	for _, a := range c.shown(args) {
		line = appendQuoted(append(line, ' '), a)
	}
	line = append(line, "\r\n"...)
	for _, m := range e.monitors {
		m.W.Raw(line)
		e.Push(m)
	}
}

// appendQuoted writes an argument in quotes, with what is not printable as in a C string.
func appendQuoted(b, arg []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, ch := range arg {
		switch ch {
		case '\\', '"':
			b = append(b, '\\', ch)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '\a':
			b = append(b, `\a`...)
		case '\b':
			b = append(b, `\b`...)
		default:
			if ch >= ' ' && ch <= '~' {
				b = append(b, ch)
			} else {
				b = append(b, '\\', 'x', hex[ch>>4], hex[ch&15])
			}
		}
	}
	return append(b, '"')
}

// monitorRows is MONITOR.
var monitorRows = []Command{{
	Name: "monitor", Arity: 1, Flags: resp.Admin | resp.NoScript | resp.Loading | resp.Stale, Group: "server",
	Since:      "1.0.0",
	Complexity: "O(1)", Summary: "Shows every command that the server runs from here on.", Run: monitor,
}}

func (e *Env) endMonitor(s *session.Session) {
	if s.Monitor {
		s.Monitor = false
		e.monitors = slices.DeleteFunc(e.monitors, func(m *session.Session) bool { return m == s })
	}
}

func monitor(c *Context, _ [][]byte, w *resp.Writer) error {
	if c.InExec {
		return resp.Error("ERR MONITOR isn't allowed for DENY BLOCKING client")
	}
	if c.S.Monitor {
		return nil // without a reply: the client would take it for a line
	}
	c.S.Monitor = true
	c.monitors = append(c.monitors, c.S)
	w.OK()
	return nil
}

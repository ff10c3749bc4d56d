package sentinel

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast/resp"
)

var clientRows = []row{
	{Name: "id", Arity: 2, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Sentinel, Categories: resp.CatConnection,
		Since: "5.0.0", Summary: "Returns the client ID for the current connection",
		Run: func(c *call, _ [][]byte, w *resp.Writer) error {
			w.Int(int64(c.link.origin.number))
			return nil
		}},
	{Name: "setname", Arity: 3, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Sentinel, Categories: resp.CatConnection,
		Since: "2.6.9", Summary: "Set the current connection name", Syntax: "connection-name", Run: clientSetName},
	{Name: "getname", Arity: 2, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Sentinel, Categories: resp.CatConnection,
		Since: "2.6.9", Summary: "Get the current connection name", Run: clientGetName},
	{Name: "setinfo", Arity: 4, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Sentinel, Categories: resp.CatConnection,
		Since: "7.2.0", Summary: "Set client or connection specific info", Run: clientSetInfo},
	{Name: "info", Arity: 2, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Sentinel, Categories: resp.CatConnection,
		Since: "6.2.0", Summary: "Returns information about the current client connection.",
		Run: func(c *call, _ [][]byte, w *resp.Writer) error {
			w.Verbatim("txt", c.link.describe(c.now()))
			return nil
		}},
	{Name: "list", Arity: -2, Flags: resp.Admin | resp.NoScript | resp.Loading | resp.Stale | resp.Sentinel, Categories: resp.CatConnection,
		Since: "2.4.0", Summary: "Get the list of client connections", Run: clientList},
	{Name: "kill", Arity: -3, Flags: resp.Admin | resp.NoScript | resp.Loading | resp.Stale | resp.Sentinel, Categories: resp.CatConnection,
		Since: "2.4.0", Summary: "Kill the connection of a client", Run: clientKill},
}

const errClientName = resp.Error("ERR Client names cannot contain spaces, newlines or special characters.")

func validName(name []byte) bool {
	for _, b := range name {
		if b < '!' || b > '~' {
			return false
		}
	}
	return true
}

func clientSetName(c *call, args [][]byte, w *resp.Writer) error {
	if !validName(args[2]) {
		return errClientName
	}
	c.link.mu.Lock()
	c.link.name = string(args[2])
	c.link.mu.Unlock()
	w.OK()
	return nil
}

func clientGetName(c *call, _ [][]byte, w *resp.Writer) error {
	c.link.mu.Lock()
	name := c.link.name
	c.link.mu.Unlock()
	if name == "" {
		w.Null()
	} else {
		w.BulkString(name)
	}
	return nil
}

func clientSetInfo(c *call, args [][]byte, w *resp.Writer) error {
	if !validName(args[3]) {
		return resp.Error("ERR " + strings.ToLower(string(args[2])) + " cannot contain spaces, newlines or special characters.")
	}
	switch strings.ToLower(string(args[2])) {
	case "lib-name":
		c.link.setLib(&c.link.lib, args[3])
	case "lib-ver":
		c.link.setLib(&c.link.libVer, args[3])
	default:
		return resp.Error("ERR Unrecognized option '" + string(args[2]) + "'")
	}
	w.OK()
	return nil
}

func (l *link) setLib(field *string, value []byte) {
	l.mu.Lock()
	*field = string(value)
	l.mu.Unlock()
}

// describe is the link's line in CLIENT LIST.
func (l *link) describe(now time.Time) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	flags := "N"
	if l.subs > 0 {
		flags = "P"
	}
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=-1 name=%s age=%d idle=%d flags=%s db=0 sub=%d psub=0 omem=%d cmd=%s user=default resp=%d lib-name=%s lib-ver=%s\n",
		l.origin.number, l.conn.RemoteAddr(), l.conn.LocalAddr(), l.name, int64(now.Sub(l.origin.accepted).Seconds()),
		int64(now.Sub(l.lastAt).Seconds()), flags, l.subs, len(l.queue), l.lastCmd, l.proto, l.lib, l.libVer)
}

// allLinks are the connections in the order they were accepted.
func (s *Sentinel) allLinks() []*link {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*link, 0, len(s.links))
	for _, number := range slices.Sorted(maps.Keys(s.links)) {
		list = append(list, s.links[number])
	}
	return list
}

func clientList(c *call, _ [][]byte, w *resp.Writer) error {
	var text strings.Builder
	now := c.now()
	for _, l := range c.allLinks() {
		text.WriteString(l.describe(now))
	}
	w.Verbatim("txt", text.String())
	return nil
}

// clientKill knows the old form with an address and the filters ID, ADDR, LADDR, TYPE and SKIPME.
func clientKill(c *call, args [][]byte, w *resp.Writer) error {
	filters := args[2:]
	old := len(filters) == 1
	if old {
		filters = [][]byte{[]byte("addr"), filters[0], []byte("skipme"), []byte("no")}
	}
	if len(filters)%2 != 0 {
		return errSyntax
	}
	skipMe := true
	var match []func(*link) bool
	for i := 0; i < len(filters); i += 2 {
		value := string(filters[i+1])
		switch strings.ToLower(string(filters[i])) {
		case "id":
			match = append(match, func(l *link) bool { return fmt.Sprint(l.origin.number) == value })
		case "addr":
			match = append(match, func(l *link) bool { return l.conn.RemoteAddr().String() == value })
		case "laddr":
			match = append(match, func(l *link) bool { return l.conn.LocalAddr().String() == value })
		case "type":
			match = append(match, func(l *link) bool { return l.kind() == strings.ToLower(value) })
		case "skipme":
			skipMe = strings.EqualFold(value, "yes")
		default:
			return errSyntax
		}
	}
	killed := 0
	for _, l := range c.allLinks() {
		if slices.ContainsFunc(match, func(m func(*link) bool) bool { return !m(l) }) || skipMe && l == c.link {
			continue
		}
		killed++
		if l == c.link {
			l.closing = true
			continue
		}
		// It is gone either way.
		_ = l.conn.Close()
	}
	switch {
	case !old:
		w.Int(int64(killed))
	case killed == 0:
		return resp.Error("ERR No such client")
	default:
		w.OK()
	}
	return nil
}

func (l *link) kind() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.subs > 0 {
		return "pubsub"
	}
	return "normal"
}

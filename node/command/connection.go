package command

import (
	"crypto/sha256"
	"crypto/subtle"
	"strconv"
	"strings"

	"holdfast/node/session"
	"holdfast/resp"
)

// RedisVersion is the version of Redis whose commands and replies these are.
const RedisVersion = "7.0.15"

// beforeAuth are the flags of what a client may do first.
const beforeAuth = resp.NoScript | always | resp.Fast | resp.NoAuth | resp.AllowBusy | resp.Sentinel

// connectionRows are the commands about the connection itself.
var connectionRows = []Command{
	{
		Name: "ping", Arity: -1, Flags: resp.Fast | resp.Sentinel, Categories: resp.CatConnection, Group: "connection", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Answers PONG, or what it was sent.", Syntax: "[message]",
		Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"}, Run: ping,
	},
	{
		Name: "echo", Arity: 2, Flags: always | resp.Fast, Categories: resp.CatConnection, Group: "connection", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Answers what it was sent.", Syntax: "message", Run: echo,
	},
	{
		Name: "hello", Arity: -1, Flags: beforeAuth, Categories: resp.CatConnection, Group: "connection", Since: "6.0.0",
		Complexity: "O(1)", Summary: "Agrees on a protocol version and introduces both sides.",
		Syntax:  "arguments=[protover:integer [AUTH (username password)] [SETNAME clientname]]",
		History: [][2]string{{"6.2.0", "`protover` may be left out."}}, Run: hello,
	},
	{
		Name: "auth", Arity: -2, Flags: beforeAuth, Categories: resp.CatConnection, Group: "connection", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Authenticates the connection.", Syntax: "[username@6.0.0] password",
		History: [][2]string{{"6.0.0", "Takes a user's name."}}, Run: auth,
	},
	{
		Name: "quit", Arity: -1, Flags: beforeAuth, Categories: resp.CatConnection, Group: "connection", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Closes the connection.", Run: quit,
	},
	{
		Name: "reset", Arity: 1, Flags: beforeAuth, Categories: resp.CatConnection, Group: "connection", Since: "6.2.0",
		Complexity: "O(1)", Summary: "Puts the connection into the state of a new one.", Run: reset,
	},
}

// badSubcommand is the reply to a subcommand with arguments that it can't have.
func badSubcommand(args [][]byte) error {
	sub := cText(args[1])
	return resp.Error("ERR unknown subcommand or wrong number of arguments for '" + sub[:min(len(sub), 128)] +
		"'. Try " + strings.ToUpper(string(args[0])) + " HELP.")
}

func wrongArity(c *Context) error {
	return resp.Error("ERR wrong number of arguments for '" + c.Cmd.FullName() + "' command")
}

func ping(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args) > 2 {
		return wrongArity(c)
	}
	switch {
	case c.S.InPubSub() && w.Proto != 3: // in the form of a message, which is all that such a client expects
		w.Array(2)
		w.BulkString("pong")
		if len(args) == 2 {
			w.Bulk(args[1])
		} else {
			w.BulkString("")
		}
	case len(args) == 2:
		w.Bulk(args[1])
	default:
		w.Simple("PONG")
	}
	return nil
}

func echo(_ *Context, args [][]byte, w *resp.Writer) error {
	w.Bulk(args[1])
	return nil
}

const (
	errWrongPass   = resp.Error("WRONGPASS invalid username-password pair or user is disabled.")
	errNoPassword  = resp.Error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	errNoProto     = resp.Error("NOPROTO unsupported protocol version")
	errProtover    = resp.Error("ERR Protocol version is not an integer or out of range")
	errHelloNoAuth = resp.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
	errClientName  = resp.Error("ERR Client names cannot contain spaces, newlines or special characters.")
)

// defaultUser is the one user there is.
const defaultUser = "default"

// login authenticates the session. The comparison takes the same time whatever is wrong.
func (c *Context) login(user, password []byte) error {
	secret := c.Config.RequirePass()
	want, got := sha256.Sum256([]byte(secret)), sha256.Sum256(password)
	same := subtle.ConstantTimeCompare(want[:], got[:]) == 1
	if string(user) != defaultUser || secret != "" && !same {
		return errWrongPass
	}
	c.S.Authenticated, c.S.User = true, defaultUser
	return nil
}

// mayTalk reports whether the client has authenticated or need not.
func (c *Context) mayTalk() bool { return c.S.Authenticated || c.Config.RequirePass() == "" }

func auth(c *Context, args [][]byte, w *resp.Writer) error {
	user := []byte(defaultUser)
	for i := 1; i < len(args) && len(args) <= 3; i++ {
		c.Redact(i)
	}
	switch len(args) {
	case 2:
		if c.Config.RequirePass() == "" {
			return errNoPassword
		}
	case 3:
		user = args[1]
	default:
		return ErrSyntax
	}
	if err := c.login(user, args[len(args)-1]); err != nil {
		return err
	}
	w.OK()
	return nil
}

func hello(c *Context, args [][]byte, w *resp.Writer) error {
	proto := int64(0)
	rest := args[1:]
	if len(rest) > 0 {
		var ok bool
		if proto, ok = resp.ParseInt(rest[0]); !ok {
			return errProtover
		}
		if proto < 2 || proto > 3 {
			return errNoProto
		}
		rest = rest[1:]
	}
	for len(rest) > 0 {
		switch {
		case isWord(rest[0], "auth") && len(rest) >= 3:
			c.Redact(len(args) - len(rest) + 1)
			c.Redact(len(args) - len(rest) + 2)
			if err := c.login(rest[1], rest[2]); err != nil {
				return err
			}
			rest = rest[3:]
		case isWord(rest[0], "setname") && len(rest) >= 2:
			if !printable(rest[1]) {
				return errClientName
			}
			c.S.Name = string(rest[1])
			rest = rest[2:]
		default:
			return resp.Error("ERR Syntax error in HELLO option '" + cText(rest[0]) + "'")
		}
	}
	if !c.mayTalk() {
		return errHelloNoAuth
	}
	if proto != 0 {
		w.Proto = int(proto)
	}
	c.introduce(w)
	return nil
}

// introduce is what HELLO tells.
func (c *Context) introduce(w *resp.Writer) {
	role := "master"
	if !c.Node.IsMaster() {
		role = "replica"
	}
	w.Map(7)
	w.BulkString("server")
	w.BulkString("redis")
	w.BulkString("version")
	w.BulkString(RedisVersion)
	w.BulkString("proto")
	w.Int(int64(protocol(c.S)))
	w.BulkString("id")
	w.Int(c.S.ID)
	w.BulkString("mode")
	w.BulkString("standalone")
	w.BulkString("role")
	w.BulkString(role)
	w.BulkString("modules")
	w.Array(0)
}

func protocol(s *session.Session) int { return max(s.W.Proto, 2) }

// printable says whether b may be a client's name: it stands between blanks in CLIENT LIST.
func printable(b []byte) bool {
	for _, ch := range b {
		if ch < '!' || ch > '~' {
			return false
		}
	}
	return true
}

func quit(c *Context, _ [][]byte, w *resp.Writer) error {
	w.OK()
	c.S.Close("QUIT")
	return nil
}

func reset(c *Context, _ [][]byte, w *resp.Writer) error {
	s := c.S
	c.discard(s)
	c.unsubscribeAll()
	c.endMonitor(s)
	c.setImportSource(s, false)
	c.stopTracking(s)
	c.Select(0)
	s.Name, s.Reply, s.ReadOnly, s.NoTouch = "", session.ReplyOn, false, false
	s.User, s.Authenticated = defaultUser, c.Config.RequirePass() == ""
	w.Proto = 2
	w.Simple("RESET")
	return nil
}

// intArgument reads an integer argument, or answers that it is none.
func intArgument(arg []byte) (int64, error) {
	n, ok := resp.ParseInt(arg)
	if !ok {
		return 0, ErrNotInteger
	}
	return n, nil
}

// milliseconds reads a timeout in milliseconds.
func milliseconds(arg []byte) (int64, error) {
	n, ok := resp.ParseInt(arg)
	switch {
	case !ok:
		return 0, ErrTimeoutNotInt
	case n < 0:
		return 0, ErrTimeoutNegative
	}
	return n, nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

package server

import (
	"crypto/sha256"
	"crypto/subtle"

	"holdfast/resp"
	"holdfast/server/session"
)

// connectionRows are the commands about the connection itself.
var connectionRows = []row{
	{
		Name: "ping", Arity: -1,
		Flags:      resp.Fast | resp.Sentinel | resp.Probe | resp.WhileSubscribed | resp.PassesDrain,
		Categories: resp.CatConnection, Group: "connection",
		Since:      "1.0.0",
		Complexity: "O(1)", Summary: "Answers PONG, or what it was sent.", Syntax: "[message]",
		Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"}, Run: ping,
	},
	{
		Name: "echo", Arity: 2, Flags: always | resp.Fast, Categories: resp.CatConnection, Group: "connection",
		Since:      "1.0.0",
		Complexity: "O(1)", Summary: "Answers what it was sent.", Syntax: "message", Run: echo,
	},
	{
		Name: "hello", Arity: -1, Flags: beforeAuth, Categories: resp.CatConnection, Group: "connection",
		Since:      "6.0.0",
		Complexity: "O(1)", Summary: "Agrees on a protocol version and introduces both sides.",
		Syntax:  "arguments=[protover:integer [AUTH (username password)] [SETNAME clientname]]",
		History: [][2]string{{"6.2.0", "`protover` may be left out."}}, Run: hello,
	},
	{
		Name: "auth", Arity: -2, Flags: beforeAuth | resp.PassesDrain, Categories: resp.CatConnection,
		Group: "connection", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Authenticates the connection.", Syntax: "[username@6.0.0] password",
		History: [][2]string{{"6.0.0", "Takes a user's name."}}, Run: auth,
	},
	{
		Name: "quit", Arity: -1, Flags: beforeAuth | resp.NotQueued | resp.EndsMulti | resp.WhileSubscribed,
		Categories: resp.CatConnection, Group: "connection", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Closes the connection.", Run: quit,
	},
	{
		Name: "reset", Arity: 1, Flags: beforeAuth | resp.NotQueued | resp.EndsMulti | resp.WhileSubscribed,
		Categories: resp.CatConnection, Group: "connection", Since: "6.2.0",
		Complexity: "O(1)", Summary: "Puts the connection into the state of a new one.", Run: reset,
	},
}

func ping(c *Call, args [][]byte, w *resp.Writer) error {
	if len(args) > 2 {
		return c.wrongArity()
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

func echo(_ *Call, args [][]byte, w *resp.Writer) error {
	w.Bulk(args[1])
	return nil
}

const (
	errWrongPass  = resp.Error("WRONGPASS invalid username-password pair or user is disabled.")
	errNoPassword = resp.Error("ERR AUTH <password> called without any password configured for the default user. " +
		"Are you sure your configuration is correct?")
	errNoProto     = resp.Error("NOPROTO unsupported protocol version")
	errProtover    = resp.Error("ERR Protocol version is not an integer or out of range")
	errHelloNoAuth = resp.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the " +
		"HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version " +
		"at the same time")
	errClientName = resp.Error("ERR Client names cannot contain spaces, newlines or special characters.")
)

// login authenticates the session. The comparison takes the same time whatever is wrong.
func (c *Call) login(user, password []byte) error {
	secret := c.Password
	want, got := sha256.Sum256([]byte(secret)), sha256.Sum256(password)
	same := subtle.ConstantTimeCompare(want[:], got[:]) == 1
	if string(user) != resp.DefaultUser || secret != "" && !same {
		return errWrongPass
	}
	c.S.Authenticated, c.S.User = true, resp.DefaultUser
	return nil
}

func auth(c *Call, args [][]byte, w *resp.Writer) error {
	user := []byte(resp.DefaultUser)
	for i := 1; i < len(args) && len(args) <= 3; i++ {
		c.Secret = append(c.Secret, i)
	}
	switch len(args) {
	case 2:
		if c.Password == "" {
			return errNoPassword
		}
	case 3:
		user = args[1]
	default:
		return resp.ErrSyntax
	}
	if err := c.login(user, args[len(args)-1]); err != nil {
		return err
	}
	w.OK()
	return nil
}

func hello(c *Call, args [][]byte, w *resp.Writer) error {
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
		case resp.IsWord(rest[0], "auth") && len(rest) >= 3:
			at := len(args) - len(rest)
			c.Secret = append(c.Secret, at+1, at+2)
			if err := c.login(rest[1], rest[2]); err != nil {
				return err
			}
			rest = rest[3:]
		case resp.IsWord(rest[0], "setname") && len(rest) >= 2:
			if !printable(rest[1]) {
				return errClientName
			}
			c.S.Name = string(rest[1])
			rest = rest[2:]
		default:
			return resp.Error("ERR Syntax error in HELLO option '" + resp.Text(rest[0]) + "'")
		}
	}
	if !c.S.Authenticated && c.Password != "" {
		return errHelloNoAuth
	}
	if proto != 0 {
		w.Proto = int(proto)
	}
	c.introduce(w)
	return nil
}

// introduce is what HELLO tells.
func (c *Call) introduce(w *resp.Writer) {
	if c.Role == "" {
		w.Map(6)
	} else {
		w.Map(7)
	}
	w.BulkString("server")
	w.BulkString("redis")
	w.BulkString("version")
	w.BulkString(RedisVersion)
	w.BulkString("proto")
	w.Int(int64(protocol(c.S)))
	w.BulkString("id")
	w.Int(c.S.ID)
	w.BulkString("mode")
	w.BulkString(c.Mode)
	if c.Role != "" {
		w.BulkString("role")
		w.BulkString(c.Role)
	}
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

func quit(c *Call, _ [][]byte, w *resp.Writer) error {
	w.OK()
	c.S.Close("QUIT")
	return nil
}

func reset(c *Call, _ [][]byte, w *resp.Writer) error {
	s := c.S
	c.Forget(s)
	s.Subscriptions, s.PSubscriptions, s.SSubscriptions = 0, 0, 0
	s.DB, s.Name, s.Reply, s.ReadOnly, s.Redirects, s.NoTouch = 0, "", session.ReplyOn, false, false, false
	s.User, s.Authenticated = resp.DefaultUser, c.Password == "" || s.Member != ""
	w.Proto = 2
	w.Simple("RESET")
	return nil
}

package server

import (
	"net"
	"slices"
	"strings"
	"time"

	"holdfast/resp"
	"holdfast/server/session"
)

// clientFilter selects the connections that CLIENT LIST shows and CLIENT KILL closes: those that fit every option that
// was given. The options, and NOT- before each, are Valkey 9.0's, MAXAGE is Redis 7.4's too. Of an option that is given
// twice the second counts.
type clientFilter struct {
	badID  error // for what is no id
	listed bool  // it is CLIENT LIST's: what follows ids and is no option is taken for one
	tests  map[string]func(f *clientFacts) bool
	ids    []int64
	class  *session.Class
	skipMe bool
}

// clientFacts are what options ask of a connection.
type clientFacts struct {
	id                              int64
	addr, laddr, user               string
	name, libName, libVer, capacity string
	flags                           func() string
	class                           session.Class
	db                              int
	age, idle                       int64 // seconds
	me                              bool
}

func (c *Call) factsOf(s *session.Session) *clientFacts {
	return &clientFacts{
		id: s.ID, addr: s.Addr, laddr: s.LocalAddr, user: s.User, name: s.Name, libName: s.LibName, libVer: s.LibVer,
		capacity: clientCapabilities(s), flags: func() string { return clientFlags(s) }, class: s.Class(), db: s.DB,
		age: int64(c.Now.Sub(s.Created) / time.Second), idle: int64(c.Now.Sub(s.LastActive) / time.Second),
		me: s == c.S,
	}
}

func factsOfReplica(r Replica) *clientFacts {
	return &clientFacts{addr: r.Addr, laddr: "?", user: resp.DefaultUser, class: session.ClassReplica, idle: r.Idle,
		flags: func() string { return "S" }}
}

// parse reads options, each with its value, or values.
func (f *clientFilter) parse(args [][]byte) error {
	f.tests = make(map[string]func(*clientFacts) bool)
	for len(args) > 0 {
		if len(args) == 1 {
			return resp.ErrSyntax
		}
		option := strings.ToLower(string(args[0]))
		name, not := strings.CutPrefix(option, "not-")
		if name == "id" {
			ids, err := f.parseIDs(args[1:])
			if err != nil {
				return err
			}
			f.setIDs(option, ids, not)
			args = args[1+len(ids):]
			continue
		}
		test, err := f.test(name, args[1], not)
		if err != nil {
			return err
		}
		if test != nil {
			f.tests[option] = func(c *clientFacts) bool { return test(c) != not }
		}
		args = args[2:]
	}
	return nil
}

// parseIDs reads ids up to the next option.
func (f *clientFilter) parseIDs(args [][]byte) (ids []int64, err error) {
	for i, a := range args {
		id, ok := resp.ParseInt(a)
		if !ok && i > 0 && (!f.listed || isClientOption(a)) {
			break
		}
		if !ok || id < 1 && !f.listed {
			return nil, f.badID
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (f *clientFilter) setIDs(option string, ids []int64, not bool) {
	set := make(map[int64]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	f.tests[option] = func(c *clientFacts) bool { return set[c.id] != not }
	if !not {
		f.ids = ids
	}
}

// onlyIDs are the ids, if nothing else was asked for.
func (f *clientFilter) onlyIDs() (ids []int64, only bool) {
	return f.ids, len(f.tests) == 1 && f.tests["id"] != nil && !f.skipMe
}

var clientOptions = []string{"id", "type", "addr", "laddr", "user", "skipme", "maxage", "flags", "name", "idle",
	"lib-name", "lib-ver", "db", "capa", "ip"}

func isClientOption(arg []byte) bool {
	return slices.Contains(clientOptions, strings.TrimPrefix(strings.ToLower(string(arg)), "not-"))
}

// test is what an option asks; nil: nothing of a connection.
func (f *clientFilter) test(option string, value []byte, not bool) (func(*clientFacts) bool, error) {
	text := string(value)
	switch option {
	case "type":
		class, err := classNamed(value)
		if !not {
			f.class = &class
		}
		return func(c *clientFacts) bool { return c.class == class }, err
	case "addr":
		shown := resp.Text(value)
		return func(c *clientFacts) bool { return c.addr == shown }, nil
	case "laddr":
		shown := resp.Text(value)
		return func(c *clientFacts) bool { return c.laddr == shown }, nil
	case "user":
		if text != resp.DefaultUser {
			return nil, resp.Error("ERR No such user '" + resp.Text(value) + "'")
		}
		return func(c *clientFacts) bool { return c.user == text }, nil
	case "skipme":
		yes := resp.IsWord(value, "yes")
		if not || !yes && !resp.IsWord(value, "no") {
			return nil, resp.ErrSyntax
		}
		f.skipMe = yes
		return nil, nil
	case "maxage", "idle":
		seconds, ok := resp.ParseInt(value)
		switch {
		case !ok:
			return nil, resp.Error("ERR " + option + " is not an integer or out of range")
		case seconds < 1:
			return nil, resp.Error("ERR " + option + " should be greater than 0")
		case option == "idle":
			return func(c *clientFacts) bool { return c.idle >= seconds }, nil
		}
		return func(c *clientFacts) bool { return c.age >= seconds }, nil
	case "flags":
		if err := onlyLetters(text, allClientFlags, "flags"); err != nil {
			return nil, err
		}
		return func(c *clientFacts) bool { return hasLetters(c.flags(), text) }, nil
	case "capa":
		if err := onlyLetters(text, "r", "capa"); err != nil {
			return nil, err
		}
		return func(c *clientFacts) bool { return hasLetters(c.capacity, text) }, nil
	case "name":
		return func(c *clientFacts) bool { return c.name == text }, nil
	case "lib-name":
		return func(c *clientFacts) bool { return c.libName == text }, nil
	case "lib-ver":
		return func(c *clientFacts) bool { return c.libVer == text }, nil
	case "db":
		db, ok := resp.ParseInt(value)
		if !ok || db < 0 {
			return nil, resp.Error("ERR db is not an integer or out of range")
		}
		return func(c *clientFacts) bool { return int64(c.db) == db }, nil
	case "ip":
		return func(c *clientFacts) bool {
			host, _, err := net.SplitHostPort(c.addr)
			return err == nil && host == text
		}, nil
	}
	return nil, resp.ErrSyntax
}

// allClientFlags are the letters that CLIENT LIST may show, and those of kinds of connections that are none here.
const allClientFlags = "AbBcCdeIMNOPrRStTuUx"

func onlyLetters(text, known, what string) error {
	for _, letter := range text {
		if !strings.ContainsRune(known, letter) {
			return resp.Error("ERR Unknown " + what + " found in the provided filter: " + resp.Text([]byte(text)))
		}
	}
	return nil
}

func hasLetters(has, wanted string) bool {
	for _, letter := range wanted {
		if !strings.ContainsRune(has, letter) {
			return false
		}
	}
	return true
}

func (f *clientFilter) fits(c *clientFacts) bool {
	if f.skipMe && c.me {
		return false
	}
	for _, test := range f.tests {
		if !test(c) {
			return false
		}
	}
	return true
}

// classNamed is the class that TYPE names.
func classNamed(arg []byte) (session.Class, error) {
	switch {
	case resp.IsWord(arg, "normal"):
		return session.ClassNormal, nil
	case resp.IsWord(arg, "slave"), resp.IsWord(arg, "replica"):
		return session.ClassReplica, nil
	case resp.IsWord(arg, "pubsub"):
		return session.ClassPubSub, nil
	case resp.IsWord(arg, "master"):
		return session.ClassMaster, nil
	}
	return 0, resp.Error("ERR Unknown client type '" + resp.Text(arg) + "'")
}

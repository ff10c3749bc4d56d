package resp

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// DefaultUser is the one user there is.
const DefaultUser = "default"

// ACL is what the commands about users have to know of the server. S is what its commands get.
type ACL[S any] struct {
	Table    func(S) *Table[S]
	User     func(S) string // the connection's
	Password func(S) string // the default user's, empty for none
}

// ACLRow returns the row of ACL for a server with one user, who may do everything.
func ACLRow[S any](a ACL[S]) Command[S] {
	const words = NoScript | Loading | Stale
	sub := func(name string, arity int, flags Flag, since, syntax, summary string,
		run func(S, [][]byte, *Writer) error) Command[S] {
		return Command[S]{
			Name: name, Arity: arity, Flags: flags | words | Sentinel, Since: since, Syntax: syntax, Summary: summary,
			Run:        run,
			Complexity: "O(N) in the length of the reply",
		}
	}
	help := sub("help", 2, 0, "6.0.0", "", "Explains the subcommands.", aclHelp[S])
	help.Flags = Loading | Stale | Sentinel
	return Command[S]{
		Name: "acl", Arity: -2, Flags: Sentinel, Group: "server", Since: "6.0.0", Complexity: "that of the subcommand",
		Summary: "Looks at users and what they may do.",
		Sub: []Command[S]{
			sub("cat", -2, 0, "6.0.0", "[categoryname]", "Lists the categories, or the commands of one.", a.cat),
			sub("deluser", -3, Admin, "6.0.0", "username...",
				"Deletes users, of which only one is there, who can't be deleted.", a.delUser),
			sub("dryrun", -4, Admin, "7.0.0", "username command [arg...]", "Tells whether a user may run a command.",
				a.dryRun),
			sub("genpass", -2, 0, "6.0.0", "[bits:integer]", "Makes a password.", a.genPass),
			sub("getuser", 3, Admin, "6.0.0", "username", "Describes a user.", a.getUser),
			help,
			sub("list", 2, Admin, "6.0.0", "", "Lists the users with their rules.", a.list),
			sub("load", 2, Admin, "6.0.0", "", "Reads the users from a file, if there is one.", a.noFile),
			sub("save", 2, Admin, "6.0.0", "", "Writes the users into a file, if there is one.", a.noFile),
			sub("users", 2, Admin, "6.0.0", "", "Lists the users.", a.users),
			sub("whoami", 2, 0, "6.0.0", "", "Answers the connection's user.", a.whoAmI),
		},
	}
}

func (a ACL[S]) whoAmI(s S, _ [][]byte, w *Writer) error {
	w.BulkString(a.User(s))
	return nil
}

func (a ACL[S]) users(_ S, _ [][]byte, w *Writer) error {
	w.Array(1)
	w.BulkString(DefaultUser)
	return nil
}

// secret is the default user's password as rules have it.
func (a ACL[S]) secret(s S) (digest string, is bool) {
	password := a.Password(s)
	if password == "" {
		return "", false
	}
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:]), true
}

func (a ACL[S]) list(s S, _ [][]byte, w *Writer) error {
	password := "nopass"
	if digest, is := a.secret(s); is {
		password = "#" + digest
	}
	w.Array(1)
	w.BulkString("user " + DefaultUser + " on " + password + " ~* &* +@all")
	return nil
}

func (a ACL[S]) getUser(s S, args [][]byte, w *Writer) error {
	if string(args[2]) != DefaultUser {
		w.Null()
		return nil
	}
	flags, passwords := []string{"on"}, []string{}
	if digest, is := a.secret(s); is {
		passwords = append(passwords, digest)
	} else {
		flags = append(flags, "nopass")
	}
	list := func(name string, texts []string) {
		w.BulkString(name)
		w.Array(len(texts))
		for _, text := range texts {
			w.BulkString(text)
		}
	}
	w.Map(6)
	w.BulkString("flags")
	w.Set(len(flags))
	for _, f := range flags {
		w.BulkString(f)
	}
	list("passwords", passwords)
	for _, text := range []string{"commands", "+@all", "keys", "~*", "channels", "&*"} {
		w.BulkString(text)
	}
	list("selectors", nil)
	return nil
}

func (a ACL[S]) cat(s S, args [][]byte, w *Writer) error {
	if len(args) > 3 {
		return BadSubcommand(args)
	}
	if len(args) == 2 {
		names := Categories()
		w.Array(len(names))
		for _, name := range names {
			w.BulkString(name)
		}
		return nil
	}
	category := CategoryByName(string(args[2]))
	if category == 0 {
		return Error("ERR Unknown category '" + Text(args[2]) + "'")
	}
	length, n := w.ArrayLater(), 0
	list := func(row *Command[S]) {
		if row.ACLCategories()&category != 0 {
			w.BulkString(row.FullName())
			n++
		}
	}
	for _, row := range a.Table(s).Commands() {
		list(row)
		for i := range row.Sub {
			list(&row.Sub[i])
		}
	}
	w.SetLen(length, n)
	return nil
}

func (a ACL[S]) delUser(_ S, args [][]byte, w *Writer) error {
	for _, name := range args[2:] {
		if string(name) == DefaultUser {
			return Error("ERR The 'default' user cannot be removed")
		}
	}
	w.Int(0)
	return nil
}

func (a ACL[S]) dryRun(s S, args [][]byte, w *Writer) error {
	if string(args[2]) != DefaultUser {
		return Error("ERR User '" + Text(args[2]) + "' not found")
	}
	cmd := a.Table(s).Find(args[3:])
	if cmd == nil {
		return Error("ERR Command '" + Text(args[3]) + "' not found")
	}
	if !cmd.ArityOK(len(args) - 3) {
		return wrongArity(cmd.FullName())
	}
	w.OK()
	return nil
}

// passwordBits is how long a password is that nobody said the length of, and passwordBitsMax how long one may be.
const (
	passwordBits    = 256
	passwordBitsMax = 4096
)

func (a ACL[S]) genPass(_ S, args [][]byte, w *Writer) error {
	bits := int64(passwordBits)
	switch len(args) {
	case 2:
	case 3:
		var ok bool
		if bits, ok = ParseInt(args[2]); !ok {
			return Error("ERR value is not an integer or out of range")
		}
		if bits < 1 || bits > passwordBitsMax {
			return Error("ERR ACL GENPASS argument must be the number of bits for the output password, a positive " +
				"number up to 4096")
		}
	default:
		return BadSubcommand(args)
	}
	digits := (bits + 3) / 4
	random := make([]byte, (digits+1)/2)
	_, _ = rand.Read(random) // it never fails
	w.BulkString(hex.EncodeToString(random)[:digits])
	return nil
}

func (a ACL[S]) noFile(_ S, _ [][]byte, _ *Writer) error {
	return Error("ERR This Redis instance is not configured to use an ACL file. You may want to specify users via " +
		"the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) " +
		"in order to store users in the Redis configuration.")
}

func aclHelp[S any](_ S, _ [][]byte, w *Writer) error {
	HelpReply(w, "ACL",
		"CAT [<category>]",
		"    List the categories of commands, or the commands in <category>.",
		"DELUSER <username> [<username> ...]",
		"    Delete users; the default one stays.",
		"DRYRUN <username> <command> [<arg> ...]",
		"    Tell whether the user may run the command, without running it.",
		"GENPASS [<bits>]",
		"    Make a password of <bits> bits, 256 without them.",
		"GETUSER <username>",
		"    Describe the user.",
		"LIST",
		"    List the users with their rules.",
		"LOAD",
		"    Read the users from a file.",
		"SAVE",
		"    Write the users into a file.",
		"USERS",
		"    List the users.",
		"WHOAMI",
		"    Answer the user of this connection.",
	)
	return nil
}

// BadSubcommand is the reply to a subcommand with arguments that it can't have.
func BadSubcommand(args [][]byte) error {
	sub := Text(args[1])
	return Error("ERR unknown subcommand or wrong number of arguments for '" + sub[:min(len(sub), 128)] +
		"'. Try " + strings.ToUpper(string(args[0])) + " HELP.")
}

// Text is b as far as Redis prints it in messages: up to the first zero byte.
func Text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}

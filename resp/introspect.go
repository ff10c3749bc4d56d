package resp

import "strings"

var errSyntax = Error("ERR syntax error")

// Introspect executes the COMMAND command; args[0] is its name. The error, if any, is the reply.
func (t *Table[S]) Introspect(args [][]byte, w *Writer) error {
	if len(args) == 1 {
		return t.info(nil, w)
	}
	sub, rest := strings.ToLower(string(args[1])), args[2:]
	switch sub {
	case "count", "help":
		if len(rest) > 0 {
			return wrongArity("command|" + sub)
		}
		if sub == "help" {
			HelpReply(w, "COMMAND", commandHelp...)
			return nil
		}
		w.Int(int64(len(t.rows)))
		return nil
	case "info":
		return t.info(rest, w)
	case "docs":
		return t.docs(rest, w)
	case "list":
		return t.list(rest, w)
	case "getkeys", "getkeysandflags":
		if len(rest) < 2 {
			return wrongArity("command|" + sub)
		}
		return t.keysOf(rest, sub == "getkeysandflags", w)
	}
	return unknownSubcommand(args)
}

var commandHelp = []string{
	"(no subcommand)",
	"    Describe every command of this server.",
	"COUNT",
	"    Tell how many commands this server has.",
	"LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
	"    List the names of all commands, or of those a filter selects.",
	"INFO [<command-name> ...]",
	"    Describe how the server treats the given commands, or all of them.",
	"DOCS [<command-name> ...]",
	"    Document the given commands, or all of them.",
	"GETKEYS <full-command>",
	"    Find the keys in a whole command.",
	"GETKEYSANDFLAGS <full-command>",
	"    Find the keys in a whole command and tell how it would access them.",
}

// HelpReply writes the reply to "<command> HELP"; lines are the subcommands and, indented, what they do.
func HelpReply(w *Writer, command string, lines ...string) {
	w.Array(len(lines) + 3)
	w.Simple(strings.ToUpper(command) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, line := range lines {
		w.Simple(line)
	}
	w.Simple("HELP")
	w.Simple("    Prints this help.")
}

// info describes the named commands, or all when there are no names.
func (t *Table[S]) info(names [][]byte, w *Writer) error {
	if len(names) == 0 {
		w.Array(len(t.rows))
		for _, c := range t.rows {
			c.writeInfo(w)
		}
		return nil
	}
	w.Array(len(names))
	for _, name := range names {
		if c := t.ByName(name); c != nil {
			c.writeInfo(w)
		} else {
			w.Null()
		}
	}
	return nil
}

func (c *Command[S]) writeInfo(w *Writer) {
	w.Array(10)
	w.BulkString(c.full)
	w.Int(int64(c.Arity))
	writeNames(w, commandFlags, c.Flags, "")
	w.Int(int64(c.legacy.first))
	w.Int(int64(c.legacy.last))
	w.Int(int64(c.legacy.step))
	writeNames(w, categories, c.category, "@")
	w.Set(len(c.Tips))
	for _, tip := range c.Tips {
		w.BulkString(tip)
	}
	w.Set(len(c.Keys))
	for i := range c.Keys {
		c.Keys[i].write(w)
	}
	if len(c.Sub) == 0 {
		w.Set(0)
		return
	}
	w.Array(len(c.Sub))
	for i := range c.Sub {
		c.Sub[i].writeInfo(w)
	}
}

func (k *KeySpec) write(w *Writer) {
	if k.Notes != "" {
		w.Map(4)
		w.BulkString("notes")
		w.BulkString(k.Notes)
	} else {
		w.Map(3)
	}
	w.BulkString("flags")
	writeNames(w, keyFlags, k.Flags, "")
	w.BulkString("begin_search")
	switch {
	case k.First == 0:
		writeSpec(w, "unknown")
	case k.Keyword != "":
		writeSpec(w, "keyword", "keyword", k.Keyword, "startfrom", k.First)
	default:
		writeSpec(w, "index", "index", k.First)
	}
	w.BulkString("find_keys")
	switch {
	case k.First == 0:
		writeSpec(w, "unknown")
	case k.KeyNum != nil:
		n := k.KeyNum
		writeSpec(w, "keynum", "keynumidx", n.Index, "firstkey", n.First, "keystep", max(n.Step, 1))
	default:
		last := k.Last
		if last > 0 && k.Keyword == "" {
			last -= k.First
		}
		writeSpec(w, "range", "lastkey", last, "keystep", max(k.Step, 1), "limit", k.Limit)
	}
}

// writeSpec writes one half of a key spec; fields are names and their values.
func writeSpec(w *Writer, kind string, fields ...any) {
	w.Map(2)
	w.BulkString("type")
	w.BulkString(kind)
	w.BulkString("spec")
	w.Map(len(fields) / 2)
	for _, field := range fields {
		switch f := field.(type) {
		case string:
			w.BulkString(f)
		case int:
			w.Int(int64(f))
		}
	}
}

// list answers COMMAND LIST.
func (t *Table[S]) list(args [][]byte, w *Writer) error {
	keep := func(*Command[S]) bool { return true }
	for len(args) > 0 {
		if len(args) != 3 || !equalFold(string(args[0]), "filterby") {
			return errSyntax
		}
		operand := args[2]
		switch strings.ToLower(string(args[1])) {
		case "module":
			keep = func(*Command[S]) bool { return false } // there are no modules
		case "aclcat":
			category := CategoryByName(string(operand))
			keep = func(c *Command[S]) bool { return c.category&category != 0 }
		case "pattern":
			keep = func(c *Command[S]) bool { return Match(operand, []byte(c.full), true) }
		default:
			return errSyntax
		}
		args = nil
	}
	l, n := w.ArrayLater(), 0
	for _, c := range t.rows {
		if keep(c) {
			w.BulkString(c.full)
			n++
		}
		for i := range c.Sub {
			if keep(&c.Sub[i]) {
				w.BulkString(c.Sub[i].full)
				n++
			}
		}
	}
	w.SetLen(l, n)
	return nil
}

// keysOf answers COMMAND GETKEYS and GETKEYSANDFLAGS for the command in args.
func (t *Table[S]) keysOf(args [][]byte, flags bool, w *Writer) error {
	c, err := t.find(args)
	switch {
	case err != nil:
		return Error("ERR Invalid command specified")
	case !c.HasKeys():
		return Error("ERR The command has no key arguments")
	case !c.ArityOK(len(args)):
		return Error("ERR Invalid number of arguments specified for command")
	}
	keys, err := c.AppendKeys(nil, args)
	if err != nil || len(keys) == 0 {
		if c.Flags&NoMandatoryKeys == 0 {
			return ErrNoKeys
		}
		keys = nil
	}
	w.Array(len(keys))
	for _, k := range keys {
		if flags {
			w.Array(2)
		}
		w.Bulk(args[k.Index])
		if flags {
			writeNames(w, keyFlags, k.Flags, "")
		}
	}
	return nil
}

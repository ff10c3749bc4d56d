package resp

// docs documents the named commands, skipping unknown ones, or all when there are no names.
func (t *Table[S]) docs(names [][]byte, w *Writer) error {
	l, n := w.MapLater(), 0
	write := func(c *Command[S]) {
		w.BulkString(c.full)
		c.writeDocs(w)
		n++
	}
	if len(names) == 0 {
		for _, c := range t.rows {
			write(c)
		}
	}
	for _, name := range names {
		if c := t.ByName(name); c != nil {
			write(c)
		}
	}
	w.SetLen(l, n)
	return nil
}

// fields counts the pairs of a map while they are written.
type fields struct {
	w     *Writer
	later Later
	n     int
}

func beginFields(w *Writer) fields { return fields{w: w, later: w.MapLater()} }

func (f *fields) name(name string) *Writer {
	f.w.BulkString(name)
	f.n++
	return f.w
}

func (f *fields) text(name, value string) {
	if value != "" {
		f.name(name).BulkString(value)
	}
}

func (f *fields) end() { f.w.SetLen(f.later, f.n) }

type docFlag uint8

const (
	docDeprecated docFlag = 1 << iota
	docSysCmd
)

var docFlags = []named[docFlag]{{docDeprecated, "deprecated"}, {docSysCmd, "syscmd"}}

func (c *Command[S]) writeDocs(w *Writer) {
	f := beginFields(w)
	f.text("summary", c.Summary)
	f.text("since", c.Since)
	f.text("group", c.Group)
	f.text("complexity", c.Complexity)
	var flags docFlag
	if c.Deprecated != "" {
		flags |= docDeprecated
	}
	if c.SysCmd {
		flags |= docSysCmd
	}
	if flags != 0 {
		writeNames(f.name("doc_flags"), docFlags, flags, "")
	}
	f.text("deprecated_since", c.Deprecated)
	f.text("replaced_by", c.ReplacedBy)
	if len(c.History) > 0 {
		f.name("history").Set(len(c.History))
		for _, h := range c.History {
			w.Array(2)
			w.BulkString(h[0])
			w.BulkString(h[1])
		}
	}
	if len(c.args) > 0 {
		f.name("arguments")
		writeArguments(w, c.args)
	}
	if len(c.Sub) > 0 {
		f.name("subcommands").Map(len(c.Sub))
		for i := range c.Sub {
			w.BulkString(c.Sub[i].full)
			c.Sub[i].writeDocs(w)
		}
	}
	f.end()
}

type argumentFlag uint8

const (
	argOptional argumentFlag = 1 << iota
	argMultiple
	argMultipleToken
)

var argumentFlags = []named[argumentFlag]{
	{argOptional, "optional"}, {argMultiple, "multiple"}, {argMultipleToken, "multiple_token"},
}

func (a *argument) flags() (f argumentFlag) {
	if a.optional {
		f |= argOptional
	}
	if a.multiple {
		f |= argMultiple
	}
	if a.multipleToken {
		f |= argMultipleToken
	}
	return f
}

// emptyToken is how the empty string is written as a token.
const emptyToken = `""`

func writeArguments(w *Writer, args []argument) {
	w.Array(len(args))
	for i := range args {
		a := &args[i]
		f := beginFields(w)
		f.text("name", a.name)
		f.text("type", a.kind)
		if a.spec >= 0 {
			f.name("key_spec_index").Int(int64(a.spec))
		}
		if a.token == emptyToken {
			f.name("token").BulkString("")
		} else {
			f.text("token", a.token)
		}
		f.text("since", a.since)
		if flags := a.flags(); flags != 0 {
			writeNames(f.name("flags"), argumentFlags, flags, "")
		}
		if len(a.sub) > 0 {
			f.name("arguments")
			writeArguments(w, a.sub)
		}
		f.end()
	}
}

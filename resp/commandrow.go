package resp

// CommandRow returns the row of the COMMAND command itself; table tells the table it is part of, once that is built.
func CommandRow[S any](table func(S) *Table[S]) Command[S] {
	run := func(s S, args [][]byte, w *Writer) error { return table(s).Introspect(args, w) }
	sub := func(name string, arity int, since, summary, syntax string) Command[S] {
		return Command[S]{
			Name: name, Arity: arity, Flags: Loading | Stale | Sentinel, Categories: CatConnection,
			Group: "server", Since: since, Summary: summary, Syntax: syntax, Run: run,
		}
	}
	row := sub("command", -1, "2.8.13", "Describes all commands of the server.", "")
	row.Complexity = "O(N) where N is the number of commands"
	row.Tips = []string{"nondeterministic_output_order"}
	row.Sub = []Command[S]{
		sub("count", 2, "2.8.13", "Counts the commands of the server.", ""),
		sub("docs", -2, "7.0.0", "Documents commands.", "[command-name...]"),
		sub("getkeys", -4, "2.8.13", "Finds the keys in a whole command.", ""),
		sub("getkeysandflags", -4, "7.0.0", "Finds the keys in a whole command and how it would access them.", ""),
		sub("help", 2, "5.0.0", "Explains the subcommands.", ""),
		sub("info", -2, "2.8.13", "Describes how the server treats commands.", "[command-name...]"),
		sub("list", -2, "7.0.0", "Lists the names of commands.",
			"[FILTERBY filterby=(MODULE module-name|ACLCAT category|PATTERN pattern)]"),
	}
	for i := range row.Sub {
		switch s := &row.Sub[i]; s.Name {
		case "count", "help":
			s.Complexity = "O(1)"
		default:
			s.Complexity = "O(N) where N is the number of commands or arguments looked at"
		}
	}
	for _, i := range []int{1, 5, 6} {
		row.Sub[i].Tips = []string{"nondeterministic_output_order"}
	}
	return row
}

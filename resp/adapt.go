package resp

// Adapt makes the rows of a family fit a table whose handlers are given another type; of finds in that what the
// family's own handlers work on.
func Adapt[S, T any](rows []Command[T], of func(S) T) []Command[S] {
	adapted := make([]Command[S], len(rows))
	for i, r := range rows {
		adapted[i] = Command[S]{
			Name: r.Name, Arity: r.Arity, Flags: r.Flags, Keys: r.Keys, Categories: r.Categories, Group: r.Group,
			Since: r.Since, Summary: r.Summary, Complexity: r.Complexity, Syntax: r.Syntax, Tips: r.Tips,
			History: r.History, SysCmd: r.SysCmd, Deprecated: r.Deprecated, ReplacedBy: r.ReplacedBy, Level: r.Level,
		}
		if run := r.Run; run != nil {
			adapted[i].Run = func(s S, args [][]byte, w *Writer) error { return run(of(s), args, w) }
		}
		if len(r.Sub) > 0 {
			adapted[i].Sub = Adapt(r.Sub, of)
		}
	}
	return adapted
}

// Flagged are the rows that have a flag, with those of their subcommands that have it.
func Flagged[S any](rows []Command[S], flag Flag) []Command[S] {
	var kept []Command[S]
	for _, r := range rows {
		if r.Flags&flag != 0 {
			r.Sub = Flagged(r.Sub, flag)
			kept = append(kept, r)
		}
	}
	return kept
}

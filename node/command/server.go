package command

import (
	"strings"
	"time"

	"holdfast/resp"
	"holdfast/server"
)

// serverRows are the commands about the server as a whole.
var serverRows = []Command{
	{
		Name: "time", Arity: 1, Flags: always | resp.Fast, Group: "server", Since: "2.6.0", Complexity: "O(1)",
		Summary: "Answers the time.", Tips: []string{"nondeterministic_output"}, Run: timeNow,
	},
	{
		Name: "lolwut", Arity: -1, Flags: resp.ReadOnly | resp.Fast, Group: "server", Since: "5.0.0",
		Complexity: "O(1)",
		Summary:    "Draws a picture, with the version below.", Syntax: "[VERSION version:integer]", Run: lolwut,
	},
	{
		Name: "shutdown", Arity: -1,
		Flags: resp.Admin | resp.NoScript | always | resp.NoMulti | resp.AllowBusy | resp.Sentinel |
			resp.PassesPause,
		Group: "server", Since: "1.0.0", Complexity: "O(N) in the number of keys when saving, else O(1)",
		Summary: "Saves if so configured, and stops the server.",
		Syntax:  "[NOSAVE|SAVE] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]",
		History: [][2]string{{"7.0.0", "`NOW`, `FORCE` and `ABORT`."}}, Run: shutdown,
	},
	{
		Name: "save", Arity: 1, Flags: resp.Admin | resp.NoScript | resp.NoAsyncLoading | resp.NoMulti, Group: "server",
		Since:      "1.0.0",
		Complexity: "O(N) in the number of keys", Summary: "Writes the data to disk while everybody waits.", Run: save,
	},
	{
		Name: "bgsave", Arity: -1, Flags: resp.Admin | resp.NoScript | resp.NoAsyncLoading, Group: "server",
		Since:      "1.0.0",
		Complexity: "O(1)", Summary: "Starts to write the data to disk.", Syntax: "[SCHEDULE@3.2.2]",
		History: [][2]string{{"3.2.2", "`SCHEDULE`."}}, Run: bgsave,
	},
	{
		Name: "bgrewriteaof", Arity: 1, Flags: resp.Admin | resp.NoScript | resp.NoAsyncLoading, Group: "server",
		Since:      "1.0.0",
		Complexity: "O(1)", Summary: "Starts to make the present data the base of the log on disk.", Run: bgRewriteAOF,
	},
	{
		Name: "lastsave", Arity: 1, Flags: always | resp.Fast, Categories: resp.CatAdmin | resp.CatDangerous,
		Group: "server", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Answers when the data was last written to disk.",
		Tips: []string{"nondeterministic_output"}, Run: lastSave,
	},
	memoryRow,
	readOnlyRow("readonly", "Lets a replica answer reads of a client that is redirected.", true),
	readOnlyRow("readwrite", "Takes READONLY back.", false),
	{
		Name: "asking", Arity: 1, Flags: resp.Fast, Categories: resp.CatConnection, Group: "cluster", Since: "3.0.0",
		Complexity: "O(1)", Summary: "Follows a cluster's ASK redirection.", Run: withoutCluster,
	},
	clusterRow,
}

// readOnlyRow is a command of clients that are redirected: of a cluster's, which there is none of here, and of those
// that have said CLIENT CAPA redirect, as in Valkey.
func readOnlyRow(name, summary string, on bool) Command {
	return Command{
		Name: name, Arity: 1, Flags: always | resp.Fast, Categories: resp.CatConnection, Group: "cluster",
		Since:      "3.0.0",
		Complexity: "O(1)", Summary: summary,
		Run: func(c *Context, args [][]byte, w *resp.Writer) error {
			if !c.S.Redirects {
				return withoutCluster(c, args, w)
			}
			c.S.ReadOnly = on
			w.OK()
			return nil
		},
	}
}

func timeNow(_ *Context, _ [][]byte, w *resp.Writer) error {
	now := time.Now()
	w.Array(2)
	w.BulkInt(now.Unix())
	w.BulkInt(int64(now.Nanosecond() / 1000))
	return nil
}

// chainLink is one member of the chain that LOLWUT draws.
var chainLink = [...]string{"╭────╮", "│ ▒▒ ╞", "╰────╯"}

const (
	usualLinks = 5
	maxLinks   = 32
)

// lolwut draws a chain; a number, as the pictures of older versions take, is how many links it has.
func lolwut(_ *Context, args [][]byte, w *resp.Writer) error {
	rest := args[1:]
	drawn := false
	if len(rest) >= 2 && isWord(rest[0], "version") {
		version, err := intArgument(rest[1])
		if err != nil {
			return err
		}
		drawn = version == 5 || version == 6
		rest = rest[2:]
	}
	var text strings.Builder
	if drawn {
		links := int64(usualLinks)
		for i, a := range rest {
			n, err := intArgument(a)
			if err != nil {
				return err
			}
			if i == 0 {
				links = min(max(n, 1), maxLinks)
			}
		}
		for i, line := range chainLink {
			joint := "  "
			if i == 1 {
				joint = "══"
			}
			text.WriteString(strings.TrimRight(strings.Repeat(line+joint, int(links)), " ═"))
			text.WriteByte('\n')
		}
		text.WriteString("\nHold fast. ")
	}
	text.WriteString("Redis ver. " + server.RedisVersion + "\n")
	w.Verbatim("txt", text.String())
	return nil
}

func save(c *Context, _ [][]byte, w *resp.Writer) error {
	if err := c.Persist.Save(); err != nil {
		return err
	}
	w.OK()
	return nil
}

func bgRewriteAOF(c *Context, _ [][]byte, w *resp.Writer) error {
	scheduled, err := c.Persist.Rewrite(true, c.InExec)
	switch {
	case err != nil:
		return err
	case scheduled:
		w.Simple("Background append only file rewriting scheduled")
	default:
		w.Simple("Background append only file rewriting started")
	}
	return nil
}

func bgsave(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args) > 2 || len(args) == 2 && !isWord(args[1], "schedule") {
		return ErrSyntax
	}
	scheduled, err := c.Persist.BackgroundSave(len(args) == 2, c.InExec)
	switch {
	case err != nil:
		return err
	case scheduled:
		w.Simple("Background saving scheduled")
	default:
		w.Simple("Background saving started")
	}
	return nil
}

func lastSave(c *Context, _ [][]byte, w *resp.Writer) error {
	w.Int(unixSeconds(c.Persist.Info().LastSave))
	return nil
}

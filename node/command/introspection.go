package command

import (
	"crypto/sha256"
	"encoding/hex"

	"holdfast/resp"
)

// introspectionRows tell what the server offers: its commands, users and modules.
var introspectionRows = []Command{
	resp.CommandRow(func(c *Context) *resp.Table[*Context] { return c.table }),
	{
		Name: "acl", Arity: -2, Group: "server", Since: "6.0.0", Complexity: "that of the subcommand",
		Summary: "Looks at users and what they may do.",
		Sub: []Command{
			aclSub("cat", -2, 0, "[categoryname]", "Lists the categories, or the commands of one.", aclCat),
			{
				Name: "help", Arity: 2, Flags: always, Since: "6.0.0", Complexity: "O(1)",
				Summary: "Explains the subcommands.", Run: aclHelp,
			},
			aclSub("list", 2, resp.Admin, "", "Lists the users with their rules.", aclList),
			aclSub("users", 2, resp.Admin, "", "Lists the users.", aclUsers),
			aclSub("whoami", 2, 0, "", "Answers the connection's user.", aclWhoAmI),
		},
	},
	{
		Name: "module", Arity: -2, Group: "server", Since: "4.0.0", Complexity: "that of the subcommand",
		Summary: "Looks at modules, of which there are none.",
		Sub: []Command{
			{
				Name: "help", Arity: 2, Flags: always, Since: "5.0.0", Complexity: "O(1)",
				Summary: "Explains the subcommands.", Run: moduleHelp,
			},
			{
				Name: "list", Arity: 2, Flags: resp.Admin | resp.NoScript, Since: "4.0.0", Complexity: "O(1)",
				Summary: "Lists the modules.", Tips: []string{"nondeterministic_output_order"}, Run: moduleList,
			},
		},
	},
}

func aclSub(name string, arity int, flags resp.Flag, syntax, summary string, run handler) Command {
	return Command{
		Name: name, Arity: arity, Flags: flags | resp.NoScript | always, Since: "6.0.0", Complexity: "O(N) in the length of the reply",
		Summary: summary, Syntax: syntax, Run: run,
	}
}

func aclWhoAmI(c *Context, _ [][]byte, w *resp.Writer) error {
	w.BulkString(c.S.User)
	return nil
}

func aclUsers(_ *Context, _ [][]byte, w *resp.Writer) error {
	w.Array(1)
	w.BulkString(defaultUser)
	return nil
}

func aclList(c *Context, _ [][]byte, w *resp.Writer) error {
	password := "nopass"
	if p := c.Config.RequirePass(); p != "" {
		sum := sha256.Sum256([]byte(p))
		password = "#" + hex.EncodeToString(sum[:])
	}
	w.Array(1)
	w.BulkString("user " + defaultUser + " on " + password + " ~* &* +@all")
	return nil
}

func aclCat(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args) > 3 {
		return badSubcommand(args)
	}
	if len(args) == 2 {
		names := resp.Categories()
		w.Array(len(names))
		for _, name := range names {
			w.BulkString(name)
		}
		return nil
	}
	category := resp.CategoryByName(string(args[2]))
	if category == 0 {
		return resp.Error("ERR Unknown category '" + cText(args[2]) + "'")
	}
	length, n := w.ArrayLater(), 0
	list := func(row *Command) {
		if row.ACLCategories()&category != 0 {
			w.BulkString(row.FullName())
			n++
		}
	}
	for _, row := range c.table.Commands() {
		list(row)
		for i := range row.Sub {
			list(&row.Sub[i])
		}
	}
	w.SetLen(length, n)
	return nil
}

func aclHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "ACL",
		"CAT [<category>]",
		"    List the categories of commands, or the commands in <category>.",
		"LIST",
		"    List the users with their rules.",
		"USERS",
		"    List the users.",
		"WHOAMI",
		"    Answer the user of this connection.",
	)
	return nil
}

func moduleList(_ *Context, _ [][]byte, w *resp.Writer) error {
	w.Array(0)
	return nil
}

func moduleHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "MODULE",
		"LIST",
		"    List the modules; there are none in this server.",
	)
	return nil
}

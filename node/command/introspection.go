package command

import "holdfast/resp"

// introspectionRows tell what the server offers: its commands, users and modules.
var introspectionRows = []Command{
	resp.CommandRow(func(c *Context) *resp.Table[*Context] { return c.table }),
	resp.ACLRow(resp.ACL[*Context]{
		Table:    func(c *Context) *resp.Table[*Context] { return c.table },
		User:     func(c *Context) string { return c.S.User },
		Password: func(c *Context) string { return c.Config.RequirePass() },
	}),
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

package command

import (
	"holdfast/node/config"
	"holdfast/resp"
	"holdfast/server/session"
)

// configRows is CONFIG.
var configRows = []Command{{
	Name: "config", Arity: -2, Group: "server", Since: "2.0.0", Complexity: "that of the subcommand",
	Summary: "Looks at and changes the settings.",
	Sub: []Command{
		configSub("get", -3, "2.0.0", "parameter=(parameter)...", "Answers settings.", configGet),
		{
			Name: "help", Arity: 2, Flags: always, Since: "5.0.0", Complexity: "O(1)",
			Summary: "Explains the subcommands.", Run: configHelp,
		},
		configSub("resetstat", 2, "2.0.0", "", "Sets the counters of INFO to zero.", configResetStat),
		configSub("rewrite", 2, "2.8.0", "", "Writes the settings into the configuration file.", configRewrite),
		tipped(configSub("set", -4, "2.0.0", "(parameter value)...", "Changes settings, all or none.", configSet),
			"request_policy:all_nodes", "response_policy:all_succeeded"),
	},
}}

func configSub(name string, arity int, since, syntax, summary string, run handler) Command {
	return Command{
		Name: name, Arity: arity, Flags: resp.Admin | resp.NoScript | always, Since: since,
		Complexity: "O(N) in the number of settings", Summary: summary, Syntax: syntax, Run: run,
	}
}

func configGet(c *Context, args [][]byte, w *resp.Writer) error {
	patterns := make([]string, len(args)-2)
	for i, a := range args[2:] {
		patterns[i] = cText(a)
	}
	found := c.Config.Get(patterns...)
	w.Map(len(found))
	for _, pair := range found {
		if d, ok := config.Lookup(pair[0]); ok && d.Is(config.Sensitive) && pair[1] != "" && !mayRead(c.S) {
			pair[1] = hidden
		}
		w.BulkString(pair[0])
		w.BulkString(pair[1])
	}
	return nil
}

// hidden stands for a password or key that is set.
const hidden = "(hidden: ask on this machine)"

// mayRead reports whether a client is shown passwords and keys: one that has authenticated, if it has to, on this
// machine.
func mayRead(s *session.Session) bool { return s.Authenticated && s.IsLocal() }

func configSet(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args)%2 != 0 {
		return ErrSyntax
	}
	pairs := make([][2]string, 0, len(args)/2-1)
	for i := 2; i < len(args); i += 2 {
		if d, ok := config.Lookup(cText(args[i])); ok && d.Is(config.Sensitive) {
			c.Redact(i + 1)
		}
		pairs = append(pairs, [2]string{string(args[i]), string(args[i+1])})
	}
	if err := c.Config.SetRuntime(pairs, config.Caller{Local: c.S.IsLocal(), Loading: c.Engine.Loading()}); err != nil {
		return err
	}
	c.Store.Limits = c.limits()
	c.Engine.EvictionDue = c.Config.MaxMemory() > 0
	w.OK()
	return nil
}

func configResetStat(c *Context, _ [][]byte, w *resp.Writer) error {
	c.CountLinks() // what the links have counted goes too
	*c.Stats = *NewStats()
	c.Engine.ForgetLongest()
	w.OK()
	return nil
}

// configRewrite hands the file's text through the settings; who started the process knows where the file is.
func configRewrite(c *Context, _ [][]byte, w *resp.Writer) error {
	if c.Process.EditConfigFile == nil {
		return resp.Error("ERR The server is running without a config file")
	}
	if err := c.Process.EditConfigFile(c.Config.Rewrite); err != nil {
		c.Logger.Error("the configuration file could not be rewritten", "file", c.Process.ConfigFile, "err", err)
		return resp.Error("ERR Rewriting config file: " + err.Error())
	}
	c.Logger.Info("configuration file rewritten", "file", c.Process.ConfigFile)
	w.OK()
	return nil
}

func configHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "CONFIG",
		"GET <pattern> [<pattern> ...]",
		"    Answer the settings whose names match.",
		"SET <directive> <value> [<directive> <value> ...]",
		"    Change settings: all of them, or none if one is wrong.",
		"RESETSTAT",
		"    Set the counters that INFO shows to zero.",
		"REWRITE",
		"    Write the settings into the configuration file.",
	)
	return nil
}

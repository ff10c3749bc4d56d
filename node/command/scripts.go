package command

import (
	"holdfast/node/script"
	"holdfast/resp"
)

// scriptNote says in COMMAND INFO why so little is known of the keys.
const scriptNote = "We cannot tell how the keys will be used so we assume the worst, "

const (
	scriptRowFlags = resp.NoScript | resp.SkipMonitor | resp.NoMandatoryKeys | resp.Stale | resp.RunsScript
	scriptArgs     = " numkeys [key...] [arg...]"
)

// scriptRows are the commands that run scripts, and SCRIPT.
var scriptRows = []Command{
	scriptRow("eval", "2.6.0", "script"+scriptArgs, "Runs a Lua script.", resp.MayReplicate, scriptKeys(true, false),
		eval),
	scriptRow("eval_ro", "7.0.0", "script"+scriptArgs, "Runs a Lua script that only reads.", resp.ReadOnly,
		scriptKeys(true, true), eval),
	scriptRow("evalsha", "2.6.0", "sha1"+scriptArgs, "Runs a Lua script that is known.", resp.MayReplicate,
		scriptKeys(false, false), evalSHA),
	scriptRow("evalsha_ro", "7.0.0", "sha1"+scriptArgs, "Runs a Lua script that is known and only reads.",
		resp.ReadOnly, scriptKeys(false, true), evalSHA),
	{
		Name: "script", Arity: -2, Group: "scripting", Since: "2.6.0", Complexity: "that of the subcommand",
		Summary: "Looks after the scripts that are known.",
		Sub: []Command{
			scriptSub("debug", 3, resp.NoScript, "3.2.0", "mode=(YES|SYNC|NO)", "Is refused: there is no debugger.",
				scriptDebug),
			tipped(scriptSub("exists", -3, resp.NoScript, "2.6.0", "sha1...", "Answers which scripts are known.",
				scriptExists), "request_policy:all_shards", "response_policy:agg_logical_and"),
			inLog(withHistory(scriptSub("flush", -2, resp.NoScript, "2.6.0", "async=[ASYNC|SYNC]@6.2.0",
				"Forgets all scripts.", scriptFlush), "6.2.0", "`ASYNC` and `SYNC`."), "request_policy:all_nodes"),
			scriptSub("help", 2, resp.Loading|resp.Stale, "5.0.0", "", "Explains the subcommands.", scriptHelp),
			tipped(scriptSub("kill", 2, resp.NoScript|resp.AllowBusy, "2.6.0", "", "Ends the script that runs.",
				scriptKill), "request_policy:all_shards", "response_policy:one_succeeded"),
			inLog(scriptSub("load", 3, resp.NoScript|resp.Stale, "2.6.0", "script", "Makes a script known.",
				scriptLoad), "request_policy:all_nodes"),
			scriptSub("show", 3, resp.NoScript, "8.0.0", "sha1", "Answers the text of a script.", scriptShow),
		},
	},
}

func scriptRow(name, since, syntax, summary string, more resp.Flag, keys []resp.KeySpec, run handler) Command {
	return Command{
		Name: name, Arity: -3, Flags: scriptRowFlags | more, Keys: keys, Group: "scripting", Since: since,
		Complexity: "that of the script", Summary: summary, Syntax: syntax, Run: run,
	}
}

func scriptSub(name string, arity int, flags resp.Flag, since, syntax, summary string, run handler) Command {
	return Command{
		Name: name, Arity: arity, Flags: flags, Since: since, Complexity: "O(1)", Summary: summary, Syntax: syntax,
		Run: run,
	}
}

func withHistory(row Command, version, change string) Command {
	row.History = append(row.History, [2]string{version, change})
	return row
}

// scriptKeys are the keys that a script is told of.
func scriptKeys(noted, readOnly bool) []resp.KeySpec {
	spec := resp.KeySpec{First: 2, KeyNum: &resp.KeyNum{Index: 0, First: 1, Step: 1}}
	note := scriptNote
	if readOnly {
		spec.Flags, note = resp.RO|resp.Access, note+"RO and ACCESS"
	} else {
		spec.Flags, note = resp.RW|resp.Access|resp.Update, note+"RW and UPDATE"
	}
	if noted {
		spec.Notes = note
	}
	return []resp.KeySpec{spec}
}

const errNoScript = resp.Error("NOSCRIPT No matching script. Please use EVAL.")

// splitScriptArgs finds the keys and the other arguments of a script.
func splitScriptArgs(args [][]byte) (keys, others [][]byte, err error) {
	n, ok := resp.ParseInt(args[2])
	switch {
	case !ok:
		return nil, nil, ErrNotInteger
	case n > int64(len(args)-3):
		return nil, nil, resp.Error("ERR Number of keys can't be greater than number of args")
	case n < 0:
		return nil, nil, resp.Error("ERR Number of keys can't be negative")
	}
	return args[3 : 3+n], args[3+n:], nil
}

func eval(c *Context, args [][]byte, w *resp.Writer) error {
	c.showScript(args)
	keys, others, err := splitScriptArgs(args)
	if err != nil {
		return err
	}
	s := c.scripts.cache.FindBody(args[1])
	if s == nil {
		if s, err = script.Parse(args[1]); err != nil {
			return err
		}
		s = c.scripts.cache.Add(s, c.Config.ScriptCacheBytes())
	}
	return c.runScript(s, args, keys, others, w)
}

func evalSHA(c *Context, args [][]byte, w *resp.Writer) error {
	c.showScript(args)
	c.revealPrograms()
	s := c.scripts.cache.Find(args[1])
	if len(args[1]) != 40 {
		return errNoScript
	}
	keys, others, err := splitScriptArgs(args)
	switch {
	case err != nil:
		return err
	case s == nil:
		return errNoScript
	}
	return c.runScript(s, args, keys, others, w)
}

// showScript shows a script's command to monitors before what it runs.
func (c *Context) showScript(args [][]byte) {
	if len(c.monitors) > 0 {
		c.feedMonitors(c, args)
	}
}

func scriptDebug(*Context, [][]byte, *resp.Writer) error {
	return resp.Error("ERR there is no debugger here: holdfast script run shows what a script does, line by line")
}

func scriptExists(c *Context, args [][]byte, w *resp.Writer) error {
	c.revealPrograms()
	w.Array(len(args) - 2)
	for _, hash := range args[2:] {
		if c.scripts.cache.Find(hash) != nil {
			w.Int(1)
		} else {
			w.Int(0)
		}
	}
	return nil
}

func scriptFlush(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args) > 3 || len(args) == 3 && !isWord(args[2], "sync") && !isWord(args[2], "async") {
		return resp.Error("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
	}
	if !c.Apply && !c.Engine.Master() {
		c.scripts.cache.FlushLocal() // what the others know is the master's to forget
	} else {
		if levelOfPrograms > c.needs {
			if err := c.noteNeed(levelOfPrograms); err != nil {
				return err
			}
		}
		c.Engine.ProgramsChanged()
		if c.scripts.cache.Flush(); c.Engine.Lasts() {
			c.ReplicateStrings("SCRIPT", "FLUSH")
		}
	}
	w.OK()
	return nil
}

func scriptKill(c *Context, _ [][]byte, w *resp.Writer) error {
	if err := c.scripts.run.kill(false); err != nil {
		return err
	}
	w.OK()
	return nil
}

func scriptLoad(c *Context, args [][]byte, w *resp.Writer) error {
	if c.Apply {
		c.scripts.cache.Keep(args[2], c.Config.ScriptCacheBytes())
		c.Engine.ProgramsChanged()
		return nil
	}
	s := c.scripts.cache.FindBody(args[2])
	if s == nil {
		var err error
		if s, err = script.Parse(args[2]); err != nil {
			return err
		}
		s = c.scripts.cache.Add(s, c.Config.ScriptCacheBytes())
	}
	if err := c.keepScript(s); err != nil {
		return err
	}
	c.revealPrograms() // also when others have made it known
	w.BulkString(s.SHA)
	return nil
}

func scriptShow(c *Context, args [][]byte, w *resp.Writer) error {
	c.revealPrograms()
	s := c.scripts.cache.Find(args[2])
	if s == nil {
		return resp.Error("NOSCRIPT No matching script.")
	}
	w.BulkString(s.Body)
	return nil
}

func scriptHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "script",
		"DEBUG (YES|SYNC|NO)",
		"    Is refused: there is no debugger.",
		"EXISTS <sha1> [<sha1> ...]",
		"    Return information about the existence of the scripts in the script cache.",
		"FLUSH [ASYNC|SYNC]",
		"    Flush the Lua scripts cache. Very dangerous on replicas.",
		"    When called without the optional mode argument, the behavior is determined by the",
		"    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
		"    * ASYNC: Asynchronously flush the scripts cache.",
		"    * SYNC: Synchronously flush the scripts cache.",
		"KILL",
		"    Kill the currently executing Lua script.",
		"LOAD <script>",
		"    Load a script into the scripts cache without executing it.",
		"SHOW <sha1>",
		"    Return the text of a script.",
	)
	return nil
}

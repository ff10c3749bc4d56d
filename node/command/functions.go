package command

import (
	"errors"

	"holdfast/node/programs"
	"holdfast/node/rdb"
	"holdfast/node/script"
	"holdfast/resp"
)

// levelOfPrograms is the feature level from which scripts and functions are in the log, and in snapshots.
const levelOfPrograms = 3

// functionRows are FCALL, and FUNCTION.
var functionRows = []Command{
	scriptRow("fcall", "7.0.0", "function"+scriptArgs, "Calls a function.", resp.MayReplicate,
		scriptKeys(true, false), fcall),
	scriptRow("fcall_ro", "7.0.0", "function"+scriptArgs, "Calls a function that only reads.", resp.ReadOnly,
		scriptKeys(true, true), fcall),
	{
		Name: "function", Arity: -2, Group: "scripting", Since: "7.0.0", Complexity: "that of the subcommand",
		Summary: "Looks after libraries of functions.",
		Sub: []Command{
			changesFunctions(scriptSub("delete", 3, resp.NoScript|resp.Write, "7.0.0", "library-name",
				"Deletes a library.", functionDelete)),
			scriptSub("dump", 2, resp.NoScript, "7.0.0", "", "Answers all libraries as a payload.", functionDump),
			changesFunctions(scriptSub("flush", -2, resp.NoScript|resp.Write, "7.0.0", "async=[ASYNC|SYNC]",
				"Deletes all libraries.", functionFlush)),
			scriptSub("help", 2, resp.Loading|resp.Stale, "7.0.0", "", "Explains the subcommands.", functionHelp),
			tipped(scriptSub("kill", 2, resp.NoScript|resp.AllowBusy, "7.0.0", "", "Ends the function that runs.",
				functionKill), "request_policy:all_shards", "response_policy:one_succeeded"),
			tipped(scriptSub("list", -2, resp.NoScript, "7.0.0",
				"[LIBRARYNAME library-name-pattern:string] [WITHCODE]", "Lists libraries.", functionList),
				"nondeterministic_output_order"),
			changesFunctions(scriptSub("load", -3, resp.NoScript|resp.Write|resp.DenyOOM, "7.0.0",
				"[REPLACE] function-code", "Loads a library.", functionLoad)),
			changesFunctions(scriptSub("restore", -3, resp.NoScript|resp.Write|resp.DenyOOM, "7.0.0",
				"serialized-value policy=[FLUSH|APPEND|REPLACE]", "Loads the libraries of a payload.",
				functionRestore)),
			tipped(scriptSub("stats", 2, resp.NoScript|resp.AllowBusy, "7.0.0", "",
				"Answers what runs, and how many functions there are.", functionStats), "nondeterministic_output",
				"request_policy:all_shards", "response_policy:special"),
		},
	},
}

// changesFunctions makes the row of what changes libraries.
func changesFunctions(row Command) Command { return inLog(row, "request_policy:all_shards") }

// inLog makes the row of what stands in the log as it is.
func inLog(row Command, policy string) Command {
	row.Level = levelOfPrograms
	return tipped(row, policy, "response_policy:all_succeeded")
}

func fcall(c *Context, args [][]byte, w *resp.Writer) error {
	c.showScript(args)
	c.revealPrograms()
	f := c.scripts.libraries.Find(args[1])
	if f == nil {
		return resp.Error("ERR Function not found")
	}
	keys, others, err := splitScriptArgs(args)
	switch {
	case errors.Is(err, ErrNotInteger):
		return resp.Error("ERR Bad number of keys provided")
	case err != nil:
		return err
	}
	return c.run(f.Name, args, f.Flags, true, func() script.Outcome {
		return c.scripts.libraries.Call(f, keys, others, w)
	})
}

func functionLoad(c *Context, args [][]byte, w *resp.Writer) error {
	replace := false
	for _, arg := range args[2 : len(args)-1] {
		if !isWord(arg, "replace") {
			return resp.Error("ERR Unknown option given: " + resp.Text(arg))
		}
		replace = true
	}
	code := args[len(args)-1]
	if c.Apply {
		name, err := programs.LibraryName(string(code))
		if err != nil {
			return err
		}
		c.Store.Programs.SetLibrary(name, string(code))
		c.Engine.ProgramsChanged()
		return nil
	}
	name, err := c.scripts.libraries.Load(code, replace)
	if err != nil {
		return err
	}
	c.programsChanged()
	w.BulkString(name)
	return nil
}

// programsChanged notes that libraries have changed.
func (c *Context) programsChanged() {
	c.Dirty++
	c.Engine.ProgramsChanged()
}

func functionDelete(c *Context, args [][]byte, w *resp.Writer) error {
	if _, ok := c.Store.Programs.Library(string(args[2])); !ok {
		return resp.Error("ERR Library not found")
	}
	c.Store.Programs.DeleteLibrary(string(args[2]))
	c.programsChanged()
	w.OK()
	return nil
}

func functionFlush(c *Context, args [][]byte, w *resp.Writer) error {
	switch {
	case len(args) > 3:
		return badSubcommand(args)
	case len(args) == 3 && !isWord(args[2], "sync") && !isWord(args[2], "async"):
		return resp.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
	}
	c.Store.Programs.FlushLibraries()
	c.programsChanged()
	w.OK()
	return nil
}

func functionList(c *Context, args [][]byte, w *resp.Writer) error {
	var pattern []byte
	withCode := false
	for i := 2; i < len(args); i++ {
		switch {
		case !withCode && isWord(args[i], "withcode"):
			withCode = true
		case pattern == nil && isWord(args[i], "libraryname"):
			if i++; i == len(args) {
				return resp.Error("ERR library name argument was not given")
			}
			pattern = args[i]
		default:
			return resp.Error("ERR Unknown argument " + resp.Text(args[i]))
		}
	}
	c.revealPrograms()
	later, n := w.ArrayLater(), 0
	for _, lib := range c.scripts.libraries.All() {
		if pattern == nil || resp.Match(pattern, []byte(lib.Name), true) {
			writeLibrary(w, lib, withCode)
			n++
		}
	}
	w.SetLen(later, n)
	return nil
}

func writeLibrary(w *resp.Writer, lib *script.Library, withCode bool) {
	fields := 3
	if withCode {
		fields++
	}
	w.Map(fields)
	w.BulkString("library_name")
	w.BulkString(lib.Name)
	w.BulkString("engine")
	w.BulkString("LUA")
	w.BulkString("functions")
	w.Array(len(lib.Functions))
	for _, f := range lib.Functions {
		w.Map(3)
		w.BulkString("name")
		w.BulkString(f.Name)
		w.BulkString("description")
		if f.Described {
			w.BulkString(f.Description)
		} else {
			w.Null()
		}
		w.BulkString("flags")
		names := f.FlagNames()
		w.Set(len(names))
		for _, name := range names {
			w.Simple(name)
		}
	}
	if withCode {
		w.BulkString("library_code")
		w.BulkString(lib.Code)
	}
}

func functionDump(c *Context, _ [][]byte, w *resp.Writer) error {
	c.revealPrograms()
	var codes []string
	for _, name := range c.Store.Programs.Names() {
		code, _ := c.Store.Programs.Library(name)
		codes = append(codes, code)
	}
	w.Bulk(rdb.AppendFunctions(nil, codes, c.Config.RDBCompression()))
	return nil
}

func functionRestore(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args) > 4 {
		return badSubcommand(args)
	}
	replace, flush := false, false
	if len(args) == 4 {
		switch {
		case isWord(args[3], "append"):
		case isWord(args[3], "replace"):
			replace = true
		case isWord(args[3], "flush"):
			flush = true
		default:
			return resp.Error("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.")
		}
	}
	codes, err := rdb.ReadFunctions(args[2])
	switch {
	case errors.Is(err, rdb.ErrFooter):
		return resp.Error("ERR DUMP payload version or checksum are wrong")
	case errors.Is(err, rdb.ErrNoFunctions):
		return resp.Error("ERR given type is not a function")
	case err != nil:
		return resp.Error("ERR failed loading the given functions payload")
	}
	if !c.Apply {
		if err := c.scripts.libraries.Check(codes, replace, flush); err != nil {
			return err
		}
	}
	if flush {
		c.Store.Programs.FlushLibraries()
	}
	for _, code := range codes {
		name, err := programs.LibraryName(string(code))
		if err != nil {
			return err
		}
		c.Store.Programs.SetLibrary(name, string(code))
	}
	c.programsChanged()
	w.OK()
	return nil
}

func functionKill(c *Context, _ [][]byte, w *resp.Writer) error {
	if err := c.scripts.run.kill(true); err != nil {
		return err
	}
	w.OK()
	return nil
}

func functionStats(c *Context, _ [][]byte, w *resp.Writer) error {
	run := &c.scripts.run
	if run.caller != nil && !run.function {
		return errBusyScript
	}
	c.revealPrograms()
	w.Map(2)
	w.BulkString("running_script")
	if run.caller == nil {
		w.Null()
	} else {
		w.Map(3)
		w.BulkString("name")
		w.BulkString(run.name)
		w.BulkString("command")
		w.Array(len(run.args))
		for _, arg := range run.args {
			w.Bulk(arg)
		}
		w.BulkString("duration_ms")
		w.Int((c.clock() - run.began) / 1e6)
	}
	libraries, functions := c.scripts.libraries.Count()
	w.BulkString("engines")
	w.Map(1)
	w.BulkString("LUA")
	w.Map(2)
	w.BulkString("libraries_count")
	w.Int(int64(libraries))
	w.BulkString("functions_count")
	w.Int(int64(functions))
	return nil
}

func functionHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "function",
		"LOAD [REPLACE] <FUNCTION CODE>",
		"    Create a new library with the given library name and code.",
		"DELETE <LIBRARY NAME>",
		"    Delete the given library.",
		"LIST [LIBRARYNAME PATTERN] [WITHCODE]",
		"    Return general information on all the libraries:",
		"    * Library name",
		"    * The engine used to run the Library",
		"    * Library description",
		"    * Functions list",
		"    * Library code (if WITHCODE is given)",
		"    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
		"STATS",
		"    Return information about the current function running:",
		"    * Function name",
		"    * Command used to run the function",
		"    * Duration in MS that the function is running",
		"    If no function is running, return nil",
		"    In addition, returns a list of available engines.",
		"KILL",
		"    Kill the current running function.",
		"FLUSH [ASYNC|SYNC]",
		"    Delete all the libraries.",
		"    When called without the optional mode argument, the behavior is determined by the",
		"    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
		"    * ASYNC: Asynchronously flush the libraries.",
		"    * SYNC: Synchronously flush the libraries.",
		"DUMP",
		"    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE "+
			"command",
		"RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
		"    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
		"    control how to handle existing libraries (default APPEND):",
		"    * FLUSH: delete all existing libraries.",
		"    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
		"    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
		"      libraries with the new libraries (notice that even on this option there is a chance of failure",
		"      in case of functions name collision with another library).",
	)
	return nil
}

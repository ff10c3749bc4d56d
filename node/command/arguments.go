package command

import (
	"strconv"

	"holdfast/resp"
)

// badSubcommand is the reply to a subcommand with arguments that it can't have.
func badSubcommand(args [][]byte) error { return resp.BadSubcommand(args) }

func wrongArity(c *Context) error {
	return resp.Error("ERR wrong number of arguments for '" + c.Cmd.FullName() + "' command")
}

// intArgument reads an integer argument, or answers that it is none.
func intArgument(arg []byte) (int64, error) {
	n, ok := resp.ParseInt(arg)
	if !ok {
		return 0, ErrNotInteger
	}
	return n, nil
}

// milliseconds reads a timeout in milliseconds.
func milliseconds(arg []byte) (int64, error) {
	n, ok := resp.ParseInt(arg)
	switch {
	case !ok:
		return 0, ErrTimeoutNotInt
	case n < 0:
		return 0, ErrTimeoutNegative
	}
	return n, nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func tipped(row Command, tips ...string) Command {
	row.Tips = tips
	return row
}

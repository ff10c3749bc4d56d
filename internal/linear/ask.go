package linear

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"holdfast/resp"
)

// Ask sends the commands of an operation in one go and answers the last one's reply as text. After an error that is not
// a reply the connection is of no more use.
func Ask(ctx context.Context, conn *resp.Client, o Operation) (string, error) {
	commands := [][]any{{o.What, o.Key}}
	switch o.What {
	case "LRANGE":
		commands[0] = append(commands[0], 0, -1)
	case "transfer":
		commands = [][]any{{"MULTI"}, {"INCRBY", "ta", "-" + o.Arg}, {"INCRBY", "tb", o.Arg}, {"EXEC"}}
	case "balance":
		commands = [][]any{{"MULTI"}, {"GET", "ta"}, {"GET", "tb"}, {"EXEC"}}
	default:
		if o.Arg != "" {
			commands[0] = append(commands[0], o.Arg)
		}
	}
	for _, args := range commands {
		if err := conn.Send(ctx, args...); err != nil {
			return "", err
		}
	}
	var v resp.Value
	var reply resp.Error
	for i := range commands {
		var err error
		if v, err = conn.Receive(ctx); err != nil && (i == len(commands)-1 || !errors.As(err, &reply)) {
			return "", err
		}
	}
	return textOf(o, v), nil
}

// refusals begin the replies to commands that were not executed.
var refusals = []string{"READONLY ", "LOADING ", "MASTERDOWN ", "MISCONF ", "EXECABORT ", "NOREPLICAS ",
	"BUSY "}

// Refused says that a command was surely not executed.
func Refused(err error) bool {
	var reply resp.Error
	return errors.As(err, &reply) && RefusedText(string(reply))
}

// RefusedText is Refused for the text of an error reply.
func RefusedText(reply string) bool {
	return slices.ContainsFunc(refusals, func(p string) bool { return strings.HasPrefix(reply, p) })
}

func textOf(o Operation, v resp.Value) string {
	elems := make([]string, len(v.Elems))
	for i, e := range v.Elems {
		elems[i] = textOf(Operation{}, e)
		if o.What == "balance" && e.Null {
			elems[i] = "0"
		}
	}
	switch {
	case v.Null:
		return Null
	case o.What == "SMEMBERS":
		slices.Sort(elems)
		fallthrough
	case v.Elems != nil:
		return strings.Join(elems, " ")
	case v.Kind == ':':
		return strconv.FormatInt(v.Int, 10)
	}
	return string(v.Str)
}

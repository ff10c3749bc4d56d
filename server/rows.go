package server

import (
	"slices"
	"time"

	"holdfast/resp"
	"holdfast/server/session"
)

// Call is one command in execution, as far as the front end has to know of it.
type Call struct {
	*Server
	S       *session.Session // whose command it is
	Now     time.Time
	Command string // its full name
	// Password is what clients have to authenticate with; empty: they need not.
	Password string
	Role     string // the server's, in HELLO; empty: it has none
	// Secret are the arguments that are passwords: they are shown to nobody.
	Secret []int
}

// row is a command of every server.
type row = resp.Command[*Call]

// handler is what a row runs.
type handler = func(c *Call, args [][]byte, w *resp.Writer) error

// Rows are the commands that are about connections, for a table whose handlers are given an S; of is the call that
// belongs to one. A sentinel knows those that are marked with resp.Sentinel.
func Rows[S any](of func(S) *Call) []resp.Command[S] {
	return resp.Adapt(slices.Concat(connectionRows, clientRows, pubsubRows), of)
}

const (
	// always are the flags of commands that answer in any state of the server.
	always = resp.Loading | resp.Stale
	// beforeAuth are the flags of what a client may do first.
	beforeAuth = resp.NoScript | always | resp.Fast | resp.NoAuth | resp.AllowBusy | resp.Sentinel
)

func (c *Call) wrongArity() error {
	return resp.Error("ERR wrong number of arguments for '" + c.Command + "' command")
}

// onOff reads an argument that is ON or OFF.
func onOff(arg []byte) (bool, error) {
	switch {
	case resp.IsWord(arg, "on"):
		return true, nil
	case resp.IsWord(arg, "off"):
		return false, nil
	}
	return false, resp.ErrSyntax
}

package resp

import (
	"errors"
	"strings"
)

// Error is the whole text of an error reply without the leading '-': "ERR syntax error", "WRONGTYPE Operation ...".
type Error string

// Error returns the text as it goes over the wire.
func (e Error) Error() string { return string(e) }

// Code is the first word of the error: "ERR", "WRONGTYPE", "MOVED".
func (e Error) Code() string {
	code, _, _ := strings.Cut(string(e), " ")
	return code
}

// ProtocolError says that a peer broke the protocol. A server replies "-ERR " followed by its text and closes.
type ProtocolError string

// Error returns "Protocol error: " and the reason.
func (e ProtocolError) Error() string { return "Protocol error: " + string(e) }

// ErrQueryLimit says that a connection holds more unparsed bytes than Limits.MaxQuery allows. The connection is to be
// closed without a reply, as the peer may never read one.
var ErrQueryLimit = errors.New("resp: client reached the max query buffer length")

// What several families of commands answer.
const (
	ErrSyntax     = Error("ERR syntax error")
	ErrNotInteger = Error("ERR value is not an integer or out of range")
)

// ErrLoading is what a client hears while the data is being loaded.
const ErrLoading = Error("LOADING Redis is loading the dataset in memory")

// ErrMaxClients is what a client hears for whom there is no place.
const ErrMaxClients = Error("ERR max number of clients reached")

// errorText is the text an error replies with: an Error (also a wrapped one) as it is, anything else after "ERR ".
// Line ends would break the protocol and become spaces.
func errorText(err error) string {
	var text string
	if e, ok := err.(Error); ok { // the common case, without the reflection errors.As needs
		text = string(e)
	} else if e := Error(""); errors.As(err, &e) {
		text = string(e)
	} else {
		text = "ERR " + err.Error()
	}
	if strings.ContainsAny(text, "\r\n") {
		text = lineEnds.Replace(text)
	}
	return text
}

var lineEnds = strings.NewReplacer("\r", " ", "\n", " ")

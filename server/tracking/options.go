package tracking

import (
	"bytes"
	"slices"

	"holdfast/resp"
)

// Options are what CLIENT TRACKING was told.
type Options struct {
	Client
	prefixes []string
}

// Parse reads the arguments of CLIENT TRACKING behind ON or OFF; exists says whether there is a client with that id.
func Parse(args [][]byte, exists func(id int64) bool) (o Options, err error) {
	for ; len(args) > 0; args = args[1:] {
		switch option := args[0]; {
		case resp.IsWord(option, "redirect") && len(args) > 1:
			if o.Redirect != 0 {
				return o, resp.Error("ERR A client can only redirect to a single other client")
			}
			args = args[1:]
			var ok bool
			if o.Redirect, ok = resp.ParseInt(args[0]); !ok {
				return o, resp.ErrNotInteger
			}
			if !exists(o.Redirect) {
				return o, resp.Error("ERR The client ID you want redirect to does not exist")
			}
		case resp.IsWord(option, "bcast"):
			o.Broadcast = true
		case resp.IsWord(option, "optin"):
			o.OptIn = true
		case resp.IsWord(option, "optout"):
			o.OptOut = true
		case resp.IsWord(option, "noloop"):
			o.NoLoop = true
		case resp.IsWord(option, "prefix") && len(args) > 1:
			args = args[1:]
			o.prefixes = append(o.prefixes, string(args[0]))
		default:
			return o, resp.ErrSyntax
		}
	}
	return o, nil
}

// fits checks the options among each other and with the tracking that is on already, nil for none.
func (o *Options) fits(old *Client) error {
	switch {
	case !o.Broadcast && len(o.prefixes) > 0:
		return resp.Error("ERR PREFIX option requires BCAST mode to be enabled")
	case old != nil && old.Broadcast != o.Broadcast:
		return resp.Error("ERR You can't switch BCAST mode on/off before disabling tracking for this client, and " +
			"then re-enabling it with a different mode.")
	case o.Broadcast && (o.OptIn || o.OptOut):
		return resp.Error("ERR OPTIN and OPTOUT are not compatible with BCAST")
	case o.OptIn && o.OptOut:
		return resp.Error("ERR You can't specify both OPTIN mode and OPTOUT mode")
	case old != nil && (o.OptIn && old.OptOut || o.OptOut && old.OptIn):
		return resp.Error("ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and " +
			"then re-enabling it with a different mode.")
	}
	if added, other, own, found := old.Overlap(o.prefixes); found {
		kind := "another provided prefix"
		if own {
			kind = "an existing prefix"
		}
		return resp.Error("ERR Prefix '" + shown(added) + "' overlaps with " + kind + " '" + shown(other) +
			"'. Prefixes for a single client must not overlap.")
	}
	return nil
}

// shown is a text as far as Redis prints it.
func shown(text string) string {
	before, _, _ := bytes.Cut([]byte(text), []byte{0})
	return string(before)
}

// TurnOn switches tracking on for the client with that id, of which old is what it had before, nil for nothing.
func (t *Table) TurnOn(id int64, old *Client, o Options) (*Client, error) {
	if err := o.fits(old); err != nil {
		return old, err
	}
	client := old
	if client == nil {
		client = &Client{}
	}
	o.ID, o.Prefixes, o.Caching = id, client.Prefixes, client.Caching
	*client = o.Client
	t.Enable(client)
	if client.Broadcast && len(o.prefixes) == 0 {
		o.prefixes = []string{""}
	}
	for _, text := range o.prefixes {
		t.Watch(client, text)
	}
	return client, nil
}

// Announce is CLIENT CACHING; a nil client has no tracking.
func (c *Client) Announce(mode []byte) error {
	switch {
	case c == nil:
		return resp.Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or " +
			"OPTOUT mode enabled")
	case resp.IsWord(mode, "yes"):
		if !c.OptIn {
			return resp.Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
		}
	case resp.IsWord(mode, "no"):
		if !c.OptOut {
			return resp.Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
		}
	default:
		return resp.ErrSyntax
	}
	c.Caching = true
	return nil
}

// Redirection is what CLIENT GETREDIR answers: -1 without tracking (nil), 0 for a client that gets its messages itself.
func (c *Client) Redirection() int64 {
	if c == nil {
		return -1
	}
	return c.Redirect
}

// Describe writes the reply to CLIENT TRACKINGINFO; nil is a client without tracking.
func (c *Client) Describe(w *resp.Writer) {
	flags, prefixes := []string{"off"}, []string(nil)
	if c != nil {
		flags, prefixes = []string{"on"}, c.Prefixes
		for _, f := range []struct {
			name string
			set  bool
		}{
			{"bcast", c.Broadcast}, {"optin", c.OptIn}, {"caching-yes", c.OptIn && c.Caching}, {"optout", c.OptOut},
			{"caching-no", c.OptOut && c.Caching}, {"noloop", c.NoLoop}, {"broken_redirect", c.Broken},
		} {
			if f.set {
				flags = append(flags, f.name)
			}
		}
	}
	w.Map(3)
	w.BulkString("flags")
	w.Set(len(flags))
	for _, f := range flags {
		w.BulkString(f)
	}
	w.BulkString("redirect")
	w.Int(c.Redirection())
	w.BulkString("prefixes")
	w.Array(len(prefixes))
	for _, p := range slices.Sorted(slices.Values(prefixes)) {
		w.BulkString(p)
	}
}

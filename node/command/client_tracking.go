package command

import (
	"slices"

	"holdfast/node/session"
	"holdfast/node/tracking"
	"holdfast/resp"
)

// invalidationChannel is where clients of RESP2 listen for invalidations that are redirected to them.
const invalidationChannel = "__redis__:invalidate"

// invalidate pushes an invalidation to a client, or to the one that it redirects to; without keys all are invalid.
//
// It leaves with the write that caused it (Session.Invalidated), neither later nor earlier. Not later: whoever sees the write,
// or its reply, may count on the caches being told. Not earlier: a reply with the value before the write may still wait
// for the commit point; the connection's own order keeps the invalidation behind it, but one that is redirected would arrive
// first, and its client would then keep the old value for ever.
func (e *Env) invalidate(c *tracking.Client, keys []string) {
	owner := e.Clients.Get(c.ID)
	if owner == nil {
		return
	}
	to := owner
	if c.Redirect != 0 {
		if to = e.open(c.Redirect); to == nil {
			e.redirectionBroken(c, owner)
			return
		}
	}
	w := &to.W
	switch {
	case w.Proto == 3:
		w.Push(2)
		w.BulkString("invalidate")
	case c.Redirect != 0 && to.InPubSub():
		w.Array(3)
		w.BulkString("message")
		w.BulkString(invalidationChannel)
	default:
		return // nothing can be pushed to it
	}
	if keys == nil {
		w.Null()
	} else {
		w.Array(len(keys))
		for _, key := range keys {
			w.BulkString(key)
		}
	}
	to.Invalidated = true
	e.push(to)
}

// open is a session that is not about to end.
func (e *Env) open(id int64) *session.Session {
	s := e.Clients.Get(id)
	if s != nil {
		if closing, _ := s.Closing(); closing {
			return nil
		}
	}
	return s
}

func (e *Env) redirectionBroken(c *tracking.Client, owner *session.Session) {
	c.Broken = true
	if owner.W.Proto == 3 {
		owner.W.Push(2)
		owner.W.BulkString("tracking-redir-broken")
		owner.W.Int(c.Redirect)
		e.push(owner)
	}
}

// remember notes the keys that a command has shown to a client that tracks what it reads.
func (e *Env) remember(c *Context, cmd *Command, args [][]byte) {
	if !c.S.Tracking.Tracks() {
		return
	}
	keys, err := cmd.AppendKeys(nil, args)
	if err != nil {
		return
	}
	for _, k := range keys {
		e.tracking.Remember(c.S.Tracking, args[k.Index])
	}
}

// Broadcast has the clients told that broadcast; it belongs to the end of every turn.
func (e *Env) Broadcast() { e.tracking.Broadcast() }

// LimitTracking keeps what is remembered for clients' caches within tracking-table-max-keys.
func (e *Env) LimitTracking() {
	if e.tracking.Clients() > 0 {
		e.tracking.Limit(int(e.Config.Int("tracking-table-max-keys")))
	}
}

func (e *Env) stopTracking(s *session.Session) {
	if s.Tracking != nil {
		e.tracking.Disable(s.Tracking)
		s.Tracking = nil
	}
}

// trackingOptions are those of CLIENT TRACKING.
type trackingOptions struct {
	tracking.Client
	prefixes []string
}

func (o *trackingOptions) parse(c *Context, args [][]byte) error {
	for ; len(args) > 0; args = args[1:] {
		switch option := args[0]; {
		case isWord(option, "redirect") && len(args) > 1:
			if o.Redirect != 0 {
				return resp.Error("ERR A client can only redirect to a single other client")
			}
			args = args[1:]
			var err error
			if o.Redirect, err = intArgument(args[0]); err != nil {
				return err
			}
			if c.Clients.Get(o.Redirect) == nil {
				return resp.Error("ERR The client ID you want redirect to does not exist")
			}
		case isWord(option, "bcast"):
			o.Broadcast = true
		case isWord(option, "optin"):
			o.OptIn = true
		case isWord(option, "optout"):
			o.OptOut = true
		case isWord(option, "noloop"):
			o.NoLoop = true
		case isWord(option, "prefix") && len(args) > 1:
			args = args[1:]
			o.prefixes = append(o.prefixes, string(args[0]))
		default:
			return ErrSyntax
		}
	}
	return nil
}

// fits checks the options among each other and with the tracking that is on already, nil for none.
func (o *trackingOptions) fits(old *tracking.Client) error {
	switch {
	case !o.Broadcast && len(o.prefixes) > 0:
		return resp.Error("ERR PREFIX option requires BCAST mode to be enabled")
	case old != nil && old.Broadcast != o.Broadcast:
		return resp.Error("ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.")
	case o.Broadcast && (o.OptIn || o.OptOut):
		return resp.Error("ERR OPTIN and OPTOUT are not compatible with BCAST")
	case o.OptIn && o.OptOut:
		return resp.Error("ERR You can't specify both OPTIN mode and OPTOUT mode")
	case old != nil && (o.OptIn && old.OptOut || o.OptOut && old.OptIn):
		return resp.Error("ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.")
	}
	if added, other, own, found := old.Overlap(o.prefixes); found {
		kind := "another provided prefix"
		if own {
			kind = "an existing prefix"
		}
		return resp.Error("ERR Prefix '" + cText([]byte(added)) + "' overlaps with " + kind + " '" + cText([]byte(other)) +
			"'. Prefixes for a single client must not overlap.")
	}
	return nil
}

func clientTracking(c *Context, args [][]byte, w *resp.Writer) error {
	var o trackingOptions
	if err := o.parse(c, args[3:]); err != nil {
		return err
	}
	on, err := onOff(args[2])
	if err != nil {
		return err
	}
	if !on {
		c.stopTracking(c.S)
		w.OK()
		return nil
	}
	if err := o.fits(c.S.Tracking); err != nil {
		return err
	}
	client := c.S.Tracking
	if client == nil {
		client = &tracking.Client{}
		c.S.Tracking = client
	}
	o.ID, o.Prefixes, o.Caching = c.S.ID, client.Prefixes, client.Caching
	*client = o.Client
	c.tracking.Enable(client)
	if client.Broadcast && len(o.prefixes) == 0 {
		o.prefixes = []string{""}
	}
	for _, text := range o.prefixes {
		c.tracking.Watch(client, text)
	}
	w.OK()
	return nil
}

func clientCaching(c *Context, args [][]byte, w *resp.Writer) error {
	t := c.S.Tracking
	switch {
	case t == nil:
		return resp.Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
	case isWord(args[2], "yes"):
		if !t.OptIn {
			return resp.Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
		}
	case isWord(args[2], "no"):
		if !t.OptOut {
			return resp.Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
		}
	default:
		return ErrSyntax
	}
	t.Caching = true
	w.OK()
	return nil
}

// redirection is what CLIENT LIST and its kin say of a session: -1 without tracking, 0 when it gets its messages itself.
func redirection(s *session.Session) int64 {
	if s.Tracking == nil {
		return -1
	}
	return s.Tracking.Redirect
}

func clientGetRedir(c *Context, _ [][]byte, w *resp.Writer) error {
	w.Int(redirection(c.S))
	return nil
}

func clientTrackingInfo(c *Context, _ [][]byte, w *resp.Writer) error {
	flags, prefixes := []string{"off"}, []string(nil)
	if t := c.S.Tracking; t != nil {
		flags, prefixes = []string{"on"}, t.Prefixes
		for _, f := range []struct {
			name string
			set  bool
		}{
			{"bcast", t.Broadcast}, {"optin", t.OptIn}, {"caching-yes", t.OptIn && t.Caching}, {"optout", t.OptOut},
			{"caching-no", t.OptOut && t.Caching}, {"noloop", t.NoLoop}, {"broken_redirect", t.Broken},
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
	w.Int(redirection(c.S))
	w.BulkString("prefixes")
	w.Array(len(prefixes))
	for _, p := range slices.Sorted(slices.Values(prefixes)) {
		w.BulkString(p)
	}
	return nil
}

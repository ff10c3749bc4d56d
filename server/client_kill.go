package server

import (
	"holdfast/resp"
	"holdfast/server/session"
)

// killFilter selects the connections that CLIENT KILL closes: those that fit everything that is set.
type killFilter struct {
	addr, laddr []byte
	byClass     bool
	class       session.Class
	id          int64
	user        string
	skipMe      bool
}

// parse reads pairs of an option and its value.
func (f *killFilter) parse(args [][]byte) error {
	for ; len(args) > 0; args = args[2:] {
		if len(args) == 1 {
			return resp.ErrSyntax
		}
		var err error
		value := args[1]
		switch option := args[0]; {
		case resp.IsWord(option, "id"):
			var ok bool
			if f.id, ok = resp.ParseInt(value); !ok || f.id < 1 {
				err = resp.Error("ERR client-id should be greater than 0")
			}
		case resp.IsWord(option, "type"):
			f.byClass = true
			f.class, err = classNamed(value)
		case resp.IsWord(option, "addr"):
			f.addr = value
		case resp.IsWord(option, "laddr"):
			f.laddr = value
		case resp.IsWord(option, "user"):
			if f.user = string(value); f.user != resp.DefaultUser {
				err = resp.Error("ERR No such user '" + resp.Text(value) + "'")
			}
		case resp.IsWord(option, "skipme"):
			if f.skipMe = resp.IsWord(value, "yes"); !f.skipMe && !resp.IsWord(value, "no") {
				err = resp.ErrSyntax
			}
		default:
			err = resp.ErrSyntax
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *killFilter) fits(s, me *session.Session) bool {
	return (f.addr == nil || resp.Text(f.addr) == s.Addr) &&
		(f.laddr == nil || resp.Text(f.laddr) == s.LocalAddr) &&
		(!f.byClass || f.class == s.Class()) &&
		(f.id == 0 || f.id == s.ID) &&
		(f.user == "" || f.user == s.User) &&
		(!f.skipMe || s != me)
}

func clientKill(c *Call, args [][]byte, w *resp.Writer) error {
	f := killFilter{skipMe: true}
	old := len(args) == 3
	if old {
		f.addr, f.skipMe = args[2], false
	} else if err := f.parse(args[2:]); err != nil {
		return err
	}
	killed := 0
	for _, s := range c.present() {
		if !f.fits(s, c.S) {
			continue
		}
		killed++
		if s == c.S {
			s.Close("CLIENT KILL of itself") // after the reply
		} else {
			s.Abort("CLIENT KILL")
		}
	}
	if f.byClass && f.class == session.ClassReplica && f.addr == nil && f.laddr == nil && f.id == 0 {
		killed += c.Host.KillReplicas() // they are no sessions any more
	}
	switch {
	case !old:
		w.Int(int64(killed))
	case killed == 0:
		return resp.Error("ERR No such client")
	default:
		w.OK()
	}
	return nil
}

package command

import (
	"time"

	"holdfast/resp"
	"holdfast/server/session"
)

const errShutdownSave = resp.Error("ERR Errors trying to SHUTDOWN. Check logs.")

// shutdown stops the process. Data that is not whole is not saved, whatever was asked for: what is on disk is more.
// While another image is being made, that is given up, and the session parked until the data is saved.
func shutdown(c *Context, args [][]byte, _ *resp.Writer) error {
	o, err := resp.ParseShutdown(args[1:])
	if err != nil {
		return err
	}
	if o.Abort { // none waits for long
		return resp.Error("ERR No shutdown in progress.")
	}
	if c.scripts.run.busy && !o.NoSave {
		return c.scripts.run.busyError()
	}
	if c.Persist.MustSave(o.Save, o.NoSave) {
		wait, err := c.Persist.SaveOrWait()
		if wait {
			block := &session.Block{Kind: "shutdown"}
			c.Park(c.S, block, 0)
			c.Engine.Go(func() { c.saveAndEnd(c.S, block, o.Force) })
			return nil
		}
		if err = c.mayEnd(err, o.Force); err != nil {
			return err
		}
	}
	c.endProcess()
	c.S.Close("SHUTDOWN") // without a reply: the end of the connection is the answer
	return nil
}

// mayEnd refuses to end after a save that failed, unless it is forced.
func (e *Env) mayEnd(err error, force bool) error {
	if err == nil || force {
		return nil
	}
	e.Logger.Error("not shutting down: the data could not be saved; SHUTDOWN NOSAVE or FORCE ends without", "err", err)
	return errShutdownSave
}

// saveAndEnd is the rest of a SHUTDOWN that had to wait for another image.
func (e *Env) saveAndEnd(s *session.Session, block *session.Block, force bool) {
	err := e.Persist.SaveLast()
	e.Engine.Do(func(time.Time) {
		if err = e.mayEnd(err, force); err == nil {
			e.endProcess()
		}
		if s.Blocked() != block {
			return
		}
		e.endWait(s, func(w *resp.Writer) {
			if err == nil {
				s.Close("SHUTDOWN")
				return
			}
			w.Error(err)
		})
	})
}

// endProcess has whoever runs the node end it. A load ends at once.
func (e *Env) endProcess() {
	if e.Engine.Loading() {
		e.Persist.Interrupt()
	}
	e.exitOnce.Do(func() { close(e.exit) })
	e.Engine.Stop()
}

// Exit is closed when a command asks for the node's end.
func (e *Env) Exit() <-chan struct{} { return e.exit }

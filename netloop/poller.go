package netloop

import (
	"net"
	"runtime"
	"time"

	"holdfast/netloop/poll"
)

// source reads and writes a connection without waiting.
type source interface {
	// TryRead reads what there is: 0 bytes and no error when there is nothing yet. drained says that there was no more,
	// so that it is to be waited for.
	TryRead(p []byte) (n int, drained bool, err error)
	// TryWrite writes as much of p as the connection takes now.
	TryWrite(p []byte) (n int, err error)
}

// Pollable is a connection that says itself when it has something to read.
type Pollable interface {
	net.Conn
	source
	// Notify has f called whenever something has come, also the end, and at once if something is there; nil: nobody
	// any more. f doesn't wait, and calls nothing of the connection.
	Notify(f func())
}

// event is a connection that has something to read.
type event = poll.Ready[*Conn]

// poller says which connections have something to read. One goroutine at a time waits.
type poller interface {
	// add begins to watch c, which is reported also for what it has to read already.
	add(c *Conn) error
	remove(c *Conn)
	// wait appends those that have got something since they were last reported, first come first. If there is none it
	// waits, if block says so.
	wait(ready []event, block bool) ([]event, error)
	// spin is wait for what comes within d, some microseconds, without sleeping, where that is of use.
	spin(ready []event, d time.Duration) ([]event, error)
	close() error
}

// kernel is the operating system's poller.
type kernel struct{ set *poll.Set[*Conn] }

func newKernel() (poller, error) {
	set, err := poll.New[*Conn](MaxBatch)
	return kernel{set}, err
}

func (k kernel) add(c *Conn) error { return k.set.Add(c.source.(*poll.Conn), c) }
func (k kernel) remove(c *Conn)    { k.set.Remove(c.source.(*poll.Conn)) }
func (k kernel) close() error      { return k.set.Close() }

func (k kernel) wait(ready []event, block bool) ([]event, error) { return k.set.Wait(ready, block) }

// spinPiece is for how long others who run Go code here have to wait for a loop that spins, as one does whose sync of
// a file has ended.
const spinPiece = 10 * time.Microsecond

func (k kernel) spin(ready []event, d time.Duration) ([]event, error) {
	for until := time.Now().Add(d); len(ready) == 0 && time.Now().Before(until); {
		runtime.Gosched()
		var err error
		if ready, err = k.set.Linger(ready, spinPiece); err != nil {
			return ready, err
		}
	}
	return ready, nil
}

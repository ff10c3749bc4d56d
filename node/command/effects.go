package command

import (
	"strconv"

	"holdfast/resp"
)

// Effects collects what the commands of one execution did, as deterministic commands in wire form, until the node appends
// them to the log. More than one effect travels as MULTI … EXEC, so that a replica shows all of them or none.
type Effects struct {
	// Off says that nobody reads the log: effects are only counted.
	Off bool

	buf    []byte
	n      int
	db     int    // the database that the log stands in after buf
	logDB  int    // the database that the log stood in before buf; -1 when unknown
	prefix []byte // the SELECT that goes before MULTI
	loose  int    // length of what stands at the start of buf and need not be shown together with the rest
	looseN int    // the number of effects in it
	num    []byte
}

// Add appends an effect on a database.
func (e *Effects) Add(db int, args ...[]byte) {
	if e.Off {
		e.n++
		return
	}
	if db >= 0 && db != e.db {
		if e.n == 0 {
			e.prefix = e.selectDB(e.prefix[:0], db)
		} else {
			e.buf = e.selectDB(e.buf, db)
			if e.n == e.looseN {
				e.loose = len(e.buf)
			}
		}
		e.db = db
	}
	e.buf = resp.AppendCommand(e.buf, args...)
	e.n++
}

// Loosen says that what was collected so far need not be shown together with what follows.
func (e *Effects) Loosen() { e.loose, e.looseN = len(e.buf), e.n }

func (e *Effects) selectDB(buf []byte, db int) []byte {
	e.num = strconv.AppendInt(e.num[:0], int64(db), 10)
	return resp.AppendCommand(buf, []byte("SELECT"), e.num)
}

// Empty reports whether nothing was added.
func (e *Effects) Empty() bool { return e.n == 0 }

// Count is the number of effects.
func (e *Effects) Count() int { return e.n }

var multiWire, execWire = []byte("*1\r\n$5\r\nMULTI\r\n"), []byte("*1\r\n$4\r\nEXEC\r\n")

// Flush hands the collected bytes to appendLog, in order, and starts anew.
func (e *Effects) Flush(appendLog func(p []byte)) {
	if e.n == 0 {
		return
	}
	if len(e.prefix) > 0 {
		appendLog(e.prefix)
	}
	if e.loose > 0 {
		appendLog(e.buf[:e.loose])
	}
	if strict := e.buf[e.loose:]; e.n-e.looseN > 1 {
		appendLog(multiWire)
		appendLog(strict)
		appendLog(execWire)
	} else if len(strict) > 0 {
		appendLog(strict)
	}
	e.logDB = e.db
	e.clear()
}

// Drop forgets what was collected: nobody reads the log.
func (e *Effects) Drop() {
	e.db = e.logDB
	e.clear()
}

// Reselect has the next effect begin with SELECT: a new reader of the log knows no current database.
func (e *Effects) Reselect() { e.db, e.logDB = -1, -1 }

func (e *Effects) clear() {
	if cap(e.buf) > maxEffectsKept {
		e.buf = nil
	}
	e.buf, e.prefix, e.n = e.buf[:0], e.prefix[:0], 0
	e.loose, e.looseN = 0, 0
}

// maxEffectsKept bounds the buffer that is kept between executions.
const maxEffectsKept = 1 << 20

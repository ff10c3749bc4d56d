package engine

import (
	"strconv"

	"holdfast/resp"
)

// Effects collects what the commands of one execution did, as deterministic commands in wire form, until the node
// appends them to the log. More than one effect travels as MULTI … EXEC, so that a replica shows all of them or none.
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
	large  []largeWord
	num    []byte
}

// largeWord is a word that is not copied to buf. Its place there is between its head and its line end.
type largeWord struct {
	at   int
	word []byte
}

// LargeEffect is from how many bytes on a command's own words are not copied.
const LargeEffect = 64 << 10

// Add appends an effect on a database.
func (e *Effects) Add(db int, args ...[]byte) {
	if e.begin(db) {
		e.buf = resp.AppendCommand(e.buf, args...)
	}
}

// AddLasting is Add for words that stay as they are until Flush, as a command's own do: large ones need not be copied.
func (e *Effects) AddLasting(db int, args [][]byte) {
	if !e.begin(db) {
		return
	}
	longest := 0
	for _, arg := range args {
		longest = max(longest, len(arg))
	}
	if longest < LargeEffect {
		e.buf = resp.AppendCommand(e.buf, args...)
		return
	}
	e.buf = resp.AppendCommandHead(e.buf, len(args))
	for _, arg := range args {
		e.buf = resp.AppendBulkHead(e.buf, len(arg))
		if len(arg) < LargeEffect {
			e.buf = append(e.buf, arg...)
		} else {
			e.large = append(e.large, largeWord{len(e.buf), arg})
		}
		e.buf = append(e.buf, '\r', '\n')
	}
}

// begin counts an effect, and selects its database in front of it. It reports whether anybody will read it.
func (e *Effects) begin(db int) bool {
	e.n++
	if e.Off {
		return false
	}
	if db >= 0 && db != e.db {
		if e.n == 1 {
			e.prefix = e.selectDB(e.prefix[:0], db)
		} else {
			e.buf = e.selectDB(e.buf, db)
			if e.n-1 == e.looseN {
				e.loose = len(e.buf)
			}
		}
		e.db = db
	}
	return true
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

// Copied is how many bytes of what was collected are copies.
func (e *Effects) Copied() int { return len(e.buf) }

// Flush hands the collected bytes to appendLog, in order, and starts anew.
func (e *Effects) Flush(appendLog func(p []byte)) {
	if e.n == 0 {
		return
	}
	if len(e.prefix) > 0 {
		appendLog(e.prefix)
	}
	if e.loose > 0 {
		e.flush(0, e.loose, appendLog)
	}
	if several := e.n-e.looseN > 1; several {
		appendLog(multiWire)
		e.flush(e.loose, len(e.buf), appendLog)
		appendLog(execWire)
	} else if e.loose < len(e.buf) {
		e.flush(e.loose, len(e.buf), appendLog)
	}
	e.logDB = e.db
	e.clear()
}

// flush hands on a part of buf, with the large words in it.
func (e *Effects) flush(from, to int, appendLog func(p []byte)) {
	for len(e.large) > 0 && e.large[0].at < to {
		appendLog(e.buf[from:e.large[0].at])
		appendLog(e.large[0].word)
		from, e.large = e.large[0].at, e.large[1:]
	}
	appendLog(e.buf[from:to])
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
	e.loose, e.looseN, e.large = 0, 0, nil
}

// maxEffectsKept bounds the buffer that is kept between executions.
const maxEffectsKept = 1 << 20

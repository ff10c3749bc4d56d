package session

import "sync/atomic"

// totals are the bytes that the buffers of all sessions hold, in two parts; anybody may add to them.
type totals struct {
	sent    atomic.Int64 // what clients have sent: input, and queued transactions
	waiting atomic.Int64 // what waits for clients to take it: replies and messages, and the room kept for them
}

// share is one party's part of the bytes that the buffers of all sessions hold. Only that party sets it; anybody may
// look.
type share struct {
	total *atomic.Int64 // nil: nobody counts
	held  atomic.Int64
}

// set says how much the party holds now.
func (s *share) set(n int) {
	if delta := int64(n) - s.held.Load(); delta != 0 && s.total != nil {
		s.held.Add(delta)
		s.total.Add(delta)
	}
}

// Memory is what the session's buffers hold.
func (s *Session) Memory() int64 {
	return s.inShare.held.Load() + s.queueShare.held.Load() + s.replyShare.held.Load() + s.Out.share.held.Load()
}

// countIn has the session's buffers counted.
func (s *Session) countIn(t *totals) {
	s.inShare.total, s.queueShare.total, s.replyShare.total = &t.sent, &t.sent, &t.waiting
	s.Out.countIn(&t.waiting)
}

// NoteInput brings the count of the input's buffer up to date; the driver calls it after it has read.
func (s *Session) NoteInput() { s.inShare.set(s.In.Held()) }

// noteWork does so for what the execution lock guards.
func (s *Session) noteWork() {
	queued := 0
	if s.Tx != nil {
		queued = s.Tx.Memory
	}
	s.queueShare.set(queued)
	s.replyShare.set(s.W.Held())
}

// leave takes everything out of the count but the output, which is discarded last.
func (s *Session) leave() {
	s.inShare.set(0)
	s.queueShare.set(0)
	s.replyShare.set(0)
}

// leastReplies is the size of the smallest buffer for replies.
const leastReplies = 1 << 10

// ReleaseInput has the driver give the buffer of an idle session's input back. It reports whether there was one; the
// caller wakes the driver.
func (s *Session) ReleaseInput() bool {
	if s.QueryFree == 0 || s.QueryBuffer > 0 {
		return false
	}
	s.QueryFree = 0
	s.release.Store(true)
	return true
}

// InputReleased tells the driver, once, that the buffer is to be given back.
func (s *Session) InputReleased() bool { return s.release.Swap(false) }

// ShrinkReplies gives the buffers of an idle session's replies back, but for the smallest.
func (s *Session) ShrinkReplies() bool {
	s.Out.dropSpare()
	if s.W.Len() > 0 || cap(s.W.Buf) <= leastReplies {
		return false
	}
	s.W.Buf = make([]byte, 0, leastReplies)
	s.noteWork()
	return true
}

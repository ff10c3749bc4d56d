package sentinel

import (
	"net"
	"testing"
	"time"

	"holdfast/membership"
	"holdfast/server/session"
)

// TestNothingIsHeldForWhoHasGone: what a peer did not take counts as held by connections no longer than there is one.
func TestNothingIsHeldForWhoHasGone(t *testing.T) {
	ours, theirs := net.Pipe()
	var nobody *membership.Member
	l := &link{conn: nobody.Accept(ours, membership.Quorum), s: session.New(1, "", "", time.Now(), func() {})}
	all := session.NewRegistry()
	all.Add(l.s)
	l.s.W.Raw(make([]byte, 1<<20))
	l.s.Stage(0, 0)
	_ = theirs.Close()
	if l.flush() {
		t.Error("it could write to who had gone")
	}
	all.Remove(l.s)
	l.s.Out.Discard()
	if held := all.Memory(); held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
}

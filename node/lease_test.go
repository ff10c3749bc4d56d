package node

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLeaseNeedsAMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lease{now: time.Now, base: time.Now()}
		l.inChain.Store(true)
		sent := time.Now()
		l.grant("a", sent, time.Second, 3)
		if l.valid() {
			t.Fatal("one of three is a majority")
		}
		l.grant("b", sent, time.Second, 3)
		if !l.valid() {
			t.Fatal("two of three are none")
		}
		time.Sleep(time.Second - time.Second/driftShare)
		if l.valid() {
			t.Fatal("outlived the promise")
		}
	})
}

func TestLeaseCountsFromSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lease{now: time.Now, base: time.Now()}
		l.inChain.Store(true)
		sent := time.Now()
		time.Sleep(900 * time.Millisecond) // the answers were slow
		l.grant("a", sent, time.Second, 3)
		l.grant("b", sent, time.Second, 3)
		time.Sleep(50 * time.Millisecond)
		if l.valid() {
			t.Fatal("counted from the answer")
		}
	})
}

func TestLeaseCountsTheMostVoters(t *testing.T) {
	l := lease{now: time.Now, base: time.Now()}
	l.inChain.Store(true)
	now := time.Now()
	l.grant("a", now, time.Minute, 5) // knows of two sentinels more
	l.grant("b", now, time.Minute, 3)
	if l.valid() {
		t.Fatal("two of five are a majority")
	}
	l.grant("c", now, time.Minute, 3)
	if !l.valid() {
		t.Fatal("three of five are none")
	}
}

func TestNoLeaseOutsideTheChainOrWhenLeaving(t *testing.T) {
	l := lease{now: time.Now, base: time.Now()}
	l.grant("a", time.Now(), time.Minute, 1)
	if l.valid() {
		t.Fatal("not in the chain")
	}
	l.inChain.Store(true)
	if !l.valid() {
		t.Fatal("in the chain, with every sentinel's word")
	}
	l.leaving.Store(true)
	if l.valid() {
		t.Fatal("leaving")
	}
}

// TestLeaseForgetsTheRemoved: two sentinels that were removed, and don't know it, make no majority of five with a third.
func TestLeaseForgetsTheRemoved(t *testing.T) {
	l := lease{now: time.Now, base: time.Now()}
	l.inChain.Store(true)
	sent := time.Now()
	l.grant("gone1", sent, time.Minute, 5)
	l.forget([]string{"gone1", "gone2"})
	l.grant("gone1", sent, time.Minute, 5)
	l.grant("gone2", sent, time.Minute, 5)
	l.grant("a", sent, time.Minute, 3)
	if l.valid() {
		t.Fatal("the word of the removed counts")
	}
	l.grant("b", sent, time.Minute, 3)
	if !l.valid() {
		t.Fatal("two of three make no majority")
	}
}

package node

import (
	"errors"
	"testing"
	"time"

	"holdfast/node/engine"
	"holdfast/node/store"
)

// TestUpdateInAChain: who brings no session writes on the master, waits for the chain, and then reads on any member.
func TestUpdateInAChain(t *testing.T) {
	nodes, _ := heldChain(t, false, &holder{})
	write := func(tx *engine.Tx) error {
		tx.Set(0, []byte("k"), []byte("v"), store.NoExpiry)
		return nil
	}
	gate, err := nodes[0].engine.Update(write)
	if err == nil {
		err = gate.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range nodes {
		n.lease.Grant("sentinel", time.Now(), time.Hour, 1)
		p := dialTCP(t, n)
		p.send("get k") // what any client is shown
		p.expect("v")
		value := ""
		gate, err := n.engine.View(func(tx *engine.Tx) error {
			got, _, err := tx.Get(0, []byte("k"))
			value = string(got)
			return err
		})
		if err == nil {
			err = gate.Wait(t.Context())
		}
		if err != nil || value != "v" {
			t.Errorf("member %d shows %q: %v", i, value, err)
		}
		if _, err := n.engine.Update(write); i > 0 && !errors.Is(err, engine.ErrReplica) {
			t.Errorf("member %d takes a write: %v", i, err)
		}
	}
}

package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"holdfast/node/engine"
	"holdfast/node/store"
)

// A counter, as whoever speaks some protocol would keep it: the reply leaves when the gate is open.
func ExampleEngine_Update() {
	e := engine.New(engine.Config{Store: store.New(1, rand.New(rand.NewPCG(1, 1)))})
	var count int
	gate, err := e.Update(func(tx *engine.Tx) error {
		value, _, err := tx.Get(0, []byte("visits"))
		if err != nil {
			return err
		}
		_, _ = fmt.Sscan(string(value), &count)
		count++
		tx.Set(0, []byte("visits"), fmt.Append(nil, count), store.NoExpiry)
		return nil
	})
	if err == nil {
		err = gate.Wait(context.Background())
	}
	fmt.Println(count, err)
	// Output: 1 <nil>
}

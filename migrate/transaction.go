package migrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"holdfast/resp"
)

// transactionCommands is how many commands of a log the target executes at once: it serves nobody else meanwhile.
const transactionCommands = 512

// manyDatabases is more than anybody has: that many count as no limit.
const manyDatabases = 1 << 20

// countDatabases finds out how many databases the target has, by selecting them, as a user need not be allowed to ask
// for settings.
func (t *Target) countDatabases(ctx context.Context) error {
	has := func(db int) (bool, error) {
		_, err := t.client.Do(ctx, "SELECT", db)
		var reply resp.Error
		if errors.As(err, &reply) {
			t.noMore = err
			return false, nil
		}
		return err == nil, err
	}
	low, high := 0, 1 // it has low, and perhaps high
	for ; high < manyDatabases; low, high = high, high*2 {
		there, err := has(high)
		if err != nil {
			return err
		}
		if !there {
			break
		}
	}
	if high >= manyDatabases {
		low, high = math.MaxInt-1, math.MaxInt
	}
	for low+1 < high {
		middle := low + (high-low)/2
		there, err := has(middle)
		if err != nil {
			return err
		}
		if there {
			low = middle
		} else {
			high = middle
		}
	}
	t.databases = high
	if there, err := has(0); err != nil || !there {
		return errors.Join(err, t.noMore)
	}
	return nil
}

// hasDatabase is an error for a database that the target has not. What is meant for it must not go elsewhere.
func (t *Target) hasDatabase(db int) error {
	if db < t.databases {
		return nil
	}
	return fmt.Errorf("the target has no database %d, only %d: raise its directive databases, or bring one database "+
		"alone with --db: %w", db, t.databases, t.noMore)
}

// selectDB adds a SELECT.
func (t *Target) selectDB(db int) error {
	if err := t.hasDatabase(db); err != nil {
		return err
	}
	t.db = db
	s := sent{db: db}
	if t.open > 0 {
		s.role = queued
	}
	t.add(s, [][]byte{[]byte("SELECT"), strconv.AppendInt(nil, int64(db), 10)})
	return nil
}

// command sends a command of a log for a database. Commands of a log rest on those before them: they are sent as
// transactions, of which the target executes nothing when it refuses to take any of it. inside says that the source's
// own transaction goes on behind this command.
func (t *Target) command(db int, args [][]byte, inside bool) error {
	for _, other := range otherDatabases(args) {
		if err := t.hasDatabase(other); err != nil {
			return err
		}
	}
	if t.open == 0 {
		if err := t.begin(db); err != nil {
			return err
		}
	} else if db != t.db {
		if err := t.selectDB(db); err != nil {
			return err
		}
		t.open++
	}
	t.open++
	if err := t.send(sent{db: db, role: queued}, args); err != nil {
		return err
	}
	if t.open >= transactionCommands && !inside {
		t.commit()
	}
	return nil
}

// begin begins a transaction in a database. Before the target has confirmed both nothing more is sent: what follows a
// refused SELECT would run in the database before it, and what follows a refused MULTI at once.
func (t *Target) begin(db int) error {
	if db != t.db {
		if err := t.selectDB(db); err != nil {
			return err
		}
	}
	t.add(sent{db: db}, [][]byte{[]byte("MULTI")})
	confirmed := make(chan struct{})
	t.out.answered = confirmed
	err := t.write()
	t.confirmed = confirmed
	return err
}

// commit ends the transaction, if there is one; flush tells whether it was executed.
func (t *Target) commit() {
	if t.open > 0 {
		t.open = 0
		t.add(sent{db: t.db, role: exec}, [][]byte{[]byte("EXEC")})
	}
}

// settle has the target execute what it was sent, and waits for that.
func (t *Target) settle() error {
	t.commit()
	return t.flush()
}

// otherDatabases are those that a command names beside the one that is selected.
func otherDatabases(args [][]byte) (list []int) {
	add := func(arg []byte) {
		if n, err := strconv.Atoi(string(arg)); err == nil {
			list = append(list, n)
		}
	}
	switch name := args[0]; {
	case bytes.EqualFold(name, []byte("swapdb")):
		for _, arg := range args[1:] {
			add(arg)
		}
	case bytes.EqualFold(name, []byte("move")) && len(args) == 3:
		add(args[2])
	case bytes.EqualFold(name, []byte("copy")):
		for i := 3; i+1 < len(args); i++ {
			if strings.EqualFold(string(args[i]), "db") {
				add(args[i+1])
			}
		}
	}
	return list
}

package rdb

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"holdfast/node/listpack"
)

var errNaN = errors.New("a score that is not a number")

func checkIntset(is []byte) error {
	if err := listpack.IntsetValidate(is, true); err != nil {
		return err
	}
	if listpack.IntsetLen(is) == 0 {
		return ErrEmpty
	}
	return nil
}

// nameSet finds names that stand twice in a listpack. It is used again and again, so that small ones cost no memory.
type nameSet map[string]struct{}

const (
	fewNames  = 16   // are compared with each other
	keptNames = 4096 // a larger set is not kept
)

// check tells whether lp is a listpack of groups of so many elements, each group with another name in front.
func (s *nameSet) check(lp []byte, group int) error {
	if err := listpack.Validate(lp, true); err != nil {
		return err
	}
	n := listpack.Len(lp)
	if n == 0 {
		return ErrEmpty
	}
	if n%group != 0 {
		return fmt.Errorf("a listpack of %d elements, in groups of %d", n, group)
	}
	twice := s.twice
	if n/group <= fewNames {
		twice = twiceOfFew
	}
	if name, ok := twice(lp, group); ok {
		return fmt.Errorf("a listpack has %q twice", name)
	}
	return nil
}

func twiceOfFew(lp []byte, group int) (string, bool) {
	var scratch [20]byte
	for at := listpack.First(lp); at >= 0; at = step(lp, at, group) {
		name := listpack.Get(lp, at, scratch[:0])
		if listpack.Find(lp, step(lp, at, group), name, group-1) >= 0 {
			return string(name), true
		}
	}
	return "", false
}

func (s *nameSet) twice(lp []byte, group int) (string, bool) {
	if *s == nil || len(*s) > keptNames {
		*s = make(nameSet)
	}
	clear(*s)
	var scratch [20]byte
	for at := listpack.First(lp); at >= 0; at = step(lp, at, group) {
		name := string(listpack.Get(lp, at, scratch[:0]))
		if _, ok := (*s)[name]; ok {
			return name, true
		}
		(*s)[name] = struct{}{}
	}
	return "", false
}

// step goes n elements on; -1 beyond the end.
func step(lp []byte, at, n int) int {
	for ; n > 0 && at >= 0; n-- {
		at = listpack.Next(lp, at)
	}
	return at
}

// checkScores tells whether lp has members and scores in the order of a sorted set.
func (s *nameSet) checkScores(lp []byte) error {
	if err := s.check(lp, 2); err != nil {
		return err
	}
	var before, scratch [20]byte
	var last []byte
	lastScore := math.Inf(-1)
	for at := listpack.First(lp); at >= 0; {
		score, err := scoreAt(lp, listpack.Next(lp, at))
		if err != nil {
			return err
		}
		member := listpack.Get(lp, at, scratch[:0])
		if score < lastScore || score == lastScore && bytes.Compare(member, last) < 0 {
			return fmt.Errorf("the member %q of a sorted set is out of order", member)
		}
		lastScore = score
		if last = member; len(member) <= len(before) { // perhaps in scratch
			last = append(before[:0], member...)
		}
		at = step(lp, at, 2)
	}
	return nil
}

// scoreAt reads a score of a listpack.
func scoreAt(lp []byte, at int) (float64, error) {
	text, n := listpack.Read(lp, at)
	if text == nil {
		return float64(n), nil
	}
	score, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsNaN(score) {
		return 0, fmt.Errorf("the score %q is no number", text)
	}
	return score, nil
}

// checkTimes tells whether lp has fields, values and the times at which they expire.
func (s *nameSet) checkTimes(lp []byte) error {
	if err := s.check(lp, 3); err != nil {
		return err
	}
	for at := step(lp, listpack.First(lp), 2); at >= 0; at = step(lp, at, 3) {
		if t, ok := listpack.Int(lp, at); !ok || t < 0 || t > maxFieldTime {
			return errors.New("a field expires at no time")
		}
	}
	return nil
}

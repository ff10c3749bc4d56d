package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/cluster"
)

// short is an id as people are shown it.
func ShortID(id string) string { return id[:min(8, len(id))] }

// TooOld says why a node can't be in the group, if it does not understand what the members may use already, or their
// data.
func (v View) TooOld(s Sighting) error { return s.TooOld(v.needed(Members(v.Group))) }

// TooOld says why a node can't be where a level is needed, if so.
func (s Sighting) TooOld(needed cluster.Level) error {
	return cluster.TooOld("node "+s.Heartbeat.Member.Label(), s.Heartbeat.Level, needed)
}

// needed is the level of who joins these: that of the group, and that which any of them needs or has heard last. A
// level that has just fallen is in use until all have heard of it.
func (v View) needed(present []cluster.Member) cluster.Level {
	needed := v.Group.Features.Level
	for _, m := range present {
		if s, ok := v.Alive(m); ok {
			needed = max(needed, s.Heartbeat.Needs, s.Heartbeat.Features.Level)
		}
	}
	return needed
}

// remembered is the newest word on the group's features: nodes know of it what these sentinels don't, if those lost
// what they knew.
func (v View) remembered() cluster.Features {
	f := v.Group.Features
	for _, s := range v.Nodes {
		if v.isFresh(s) {
			f = f.Newest(s.Heartbeat.Features)
		}
	}
	return f
}

// Features are what the group should use. If its nodes have heard of a newer change than these sentinels know, it goes
// on from that one.
func (v View) Features(newest cluster.Level) (f cluster.Features, held string) {
	v.Group.Features = v.remembered()
	want, held := v.FeatureLevel(newest)
	if f = v.Group.Features; want != f.Level.OrBase() {
		f = cluster.Features{Level: want, Change: f.Change + 1}
	}
	return f, held
}

// level is the feature level that the group should be of, and what keeps it from being of the newest, in words; empty:
// nothing does.
//
// It rises when all members, and all nodes that are about to be, are heard and understand more. It falls only when an
// operator asks for it, and no member keeps data that need more.
func (v View) FeatureLevel(newest cluster.Level) (want cluster.Level, held string) {
	now := v.Group.Features.Level.OrBase()
	if highest := v.Group.Settings.FeatureLevel; highest > 0 && highest < newest {
		newest, held = highest, "the group's feature-level"
	}
	if v.Level < newest {
		newest, held = v.Level, "the sentinels"
	}
	if newest < now {
		return v.lowered(newest)
	}
	for _, m := range Members(v.Group) {
		if _, ok := v.Alive(m); !ok {
			return now, "node " + m.Label() + " is silent"
		}
	}
	var old []string
	want = newest
	for _, s := range v.Nodes {
		if !v.isFresh(s) {
			continue
		}
		if level := s.Heartbeat.Level.OrBase(); level < newest {
			want = min(want, level)
			old = append(old, fmt.Sprintf("node %s understands level %d", s.Heartbeat.Member.Label(), level))
		}
	}
	if len(old) > 0 {
		held = strings.Join(old, ", ")
	}
	return max(want, now), held
}

// lowered is the level of a group that is to be of a lower one.
func (v View) lowered(to cluster.Level) (cluster.Level, string) {
	now := v.Group.Features.Level.OrBase()
	for _, m := range Members(v.Group) {
		s, ok := v.Alive(m)
		switch {
		case !ok:
			return now, "node " + m.Label() + " is silent"
		case s.Heartbeat.Needs.OrBase() > to:
			return now, fmt.Sprintf("the data of node %s need level %d", m.Label(), s.Heartbeat.Needs)
		}
	}
	return to, ""
}

// SentinelLevel is the feature level that the sentinels should be of, and what keeps it from being the newest. says is
// what a voter understands, if it has said so of late. It falls when all groups are to be of a lower one, and are: then
// sentinels of that level may come back.
func (s *State) SentinelLevel(newest cluster.Level, voters []Voter,
	says func(Voter) (cluster.Level, bool)) (want cluster.Level, held string) {
	now := s.Level.OrBase()
	highest, used, user := cluster.Level(0), cluster.LevelBase, ""
	for _, name := range slices.Sorted(maps.Keys(s.Groups)) {
		g := s.Groups[name]
		if g.Features.Level > used {
			used, user = g.Features.Level, name
		}
		if s.Ignored[name] {
			continue // it goes on as it is
		}
		if allowed := g.Settings.FeatureLevel; allowed == 0 {
			highest = newest
		} else {
			highest = max(highest, allowed)
		}
	}
	if highest > 0 && highest < newest {
		newest, held = highest, "the groups' feature-level"
	}
	if newest < now {
		if used > newest {
			held = fmt.Sprintf("group %s is of level %d", user, used)
		}
		return max(newest, used), held
	}
	want, old := Understood(newest, now, voters, says)
	if old != "" {
		held = old
	}
	return max(want, now), held
}

// Understood is what all voters understand, up to newest, and who does not understand that.
func Understood(newest, now cluster.Level, voters []Voter, says func(Voter) (cluster.Level, bool)) (want cluster.Level,
	held string) {
	var old []string
	want = newest
	for _, v := range voters {
		level, ok := says(v)
		switch {
		case !ok:
			want = min(want, now)
			old = append(old, "sentinel "+ShortID(v.ID)+" is silent")
		case level < newest:
			want = min(want, level)
			old = append(old, fmt.Sprintf("sentinel %s understands level %d", ShortID(v.ID), level))
		}
	}
	return want, strings.Join(old, ", ")
}

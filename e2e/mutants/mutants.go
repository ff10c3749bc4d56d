package main

// mutant is Holdfast with one rule switched off: pieces of its source are replaced by others when the simulation is compiled.
type mutant struct {
	rule  string // of docs/architecture.md
	off   string // what it no longer does
	edits []edit
}

// edit is one place: old occurs once in file.
type edit struct{ file, old, new string }

var mutants = []mutant{
	{"1 prefix", "a member leaves out what changes no data", []edit{{"node/replica.go",
		"		end := n.log.Append(e.Raw)",
		"		if len(e.Raw) == len(pingWire) {\n			continue\n		}\n		end := n.log.Append(e.Raw)"}}},
	{"2 ack", "acknowledgements of any epoch and any member are counted", []edit{{"replication/tracker.go",
		"if !t.Chain || epoch != t.Epoch || !from.Is(t.Successor) {",
		"if !t.Chain {"}}},
	{"2 ack", "a member acknowledges what its successor has not", []edit{{"replication/tracker.go",
		"return min(t.held(end), t.Acked)",
		"return t.held(end)"}}},
	{"2 ack", "replies don't wait for the commit point", []edit{{"node/execute.go",
		"	s.Stage(gate, n.log.Commit())",
		"	s.Stage(0, n.log.Commit())"}}},
	{"2 ack", "bytes count as held, and are passed on, before they are on disk", []edit{{"replication/tracker.go",
		"	if t.Disk {",
		"	if false {"}, {"replication/log.go",
		"		if !l.tracker.Disk {",
		"		if true {"}}},
	{"3 promotion", "the last survivor is promoted, not the first", []edit{{"sentinel/plan.go",
		"	g := v.Group.Without(down...)\n",
		"	g := v.Group.Without(down...)\n	slices.Reverse(g.Chain)\n"}}},
	{"4 fencing", "a member goes on serving the predecessor of an older epoch, which counts it", []edit{{"node/replica.go",
		"	if n.follower != a.of {\n		n.mu.Unlock()\n		return errSuperseded\n	}\n	err := a.apply(batch)",
		"	err := a.apply(batch)"}, {"node/place.go",
		"		n.follower.cancel()\n		n.follower = nil",
		"		n.follower = nil"}, {"replication/tracker.go",
		"if !t.Chain || epoch != t.Epoch || !from.Is(t.Successor) {",
		"if !t.Chain || !from.Is(t.Successor) {"}}},
	{"5 lease", "a lease never ends", []edit{{"node/lease.go",
		"int64(l.now().Sub(l.base)) < l.until.Load()",
		"l.until.Load() > 0"}}},
	{"5 lease", "heartbeats of a member that is fenced extend its lease", []edit{{"sentinel/judge.go",
		"case !a.Voter || a.Fenced || a.Stuck || hb == 0:",
		"case !a.Voter || a.Stuck || hb == 0:"}}},
	{"5 lease", "one sentinel's fence is enough", []edit{{"sentinel/plan.go",
		"v.Fenced[m.Incarnation] >= majority(v.Voters)",
		"v.Fenced[m.Incarnation] >= 1"}}},
	{"6 joining", "a learner is appended though the tail goes on without it", []edit{{"sentinel/plan.go",
		"if ok && end.Heartbeat.Joining.Is(l) && v.caughtUp(",
		"if ok && v.caughtUp("}}},
	{"6 joining", "where a former replication id ended is ignored", []edit{{"replication/lineage.go",
		"		if asked.Offset > f.Until {",
		"		if f.Until < 0 {"}}},
	{"7 incarnations", "members are told apart by name alone", []edit{{"cluster/group.go",
		"return m.Name == o.Name && m.Incarnation == o.Incarnation",
		"return m.Name == o.Name"}}},
	{"7 incarnations", "after the death of all, whoever is back first leads", []edit{{"sentinel/plan_cold.go",
		"len(missing) > 0 && v.Dead < graceFactor*v.downAfter()",
		"false"}}},
	{"7 incarnations", "after the death of all, what they hold is not compared", []edit{{"sentinel/plan_cold.go",
		"		if s.Heartbeat.Offset > best.Heartbeat.Offset {",
		"		if false {"}}},
	{"7 incarnations", "after the death of all, who was not in the last chain counts as well", []edit{{"sentinel/plan_cold.go",
		"	returned, missing := v.returned()\n",
		"	returned, missing := v.Nodes, []cluster.Member(nil)\n"}}},
}

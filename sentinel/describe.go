package sentinel

import (
	"net"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster"
	"holdfast/resp"
	"holdfast/sentinel/plan"
)

// fields is one instance as SENTINEL commands show it: names and values in turn, all of them strings, in Redis's order.
// Optional ones are absent, not empty.
type fields []string

func (f *fields) add(name, value string)          { *f = append(*f, name, value) }
func (f *fields) addInt(name string, value int64) { f.add(name, strconv.FormatInt(value, 10)) }

func (f fields) write(w *resp.Writer) {
	w.Map(len(f) / 2)
	for _, text := range f {
		w.BulkString(text)
	}
}

// condition is what flags and the times in an instance's fields derive from.
type condition struct {
	kind         string // master, slave or sentinel
	sdown, odown bool
	disconnected bool
	more         []string
	silent       time.Duration // since the last heartbeat
	down         time.Duration // for how long it has been down
}

// flags joins the flags in Redis's order: s_down and o_down come before the kind.
func (c condition) flags() string {
	var list []string
	if c.sdown {
		list = append(list, "s_down")
	}
	if c.odown {
		list = append(list, "o_down")
	}
	list = append(list, c.kind)
	if c.disconnected {
		list = append(list, "disconnected")
	}
	return strings.Join(append(list, c.more...), ",")
}

// common are the fields that all instances begin with.
func (c condition) common(name, addr, runID string, after time.Duration) fields {
	host, port := splitAddr(addr)
	var f fields
	f.add("name", name)
	f.add("ip", host)
	f.add("port", port)
	f.add("runid", runID)
	f.add("flags", c.flags())
	f.add("link-pending-commands", "0")
	f.add("link-refcount", "1")
	f.add("last-ping-sent", "0")
	f.addInt("last-ok-ping-reply", millis(c.silent))
	f.addInt("last-ping-reply", millis(c.silent))
	if c.sdown {
		f.addInt("s-down-time", millis(c.down))
	}
	if c.odown {
		f.addInt("o-down-time", millis(c.down))
	}
	f.addInt("down-after-milliseconds", millis(after))
	return f
}

func silence(seen *sighting, now, since time.Time) time.Duration {
	if seen != nil {
		return now.Sub(seen.last)
	}
	return now.Sub(since)
}

// downFor is for how long a member has been down. The caller holds mu.
func (s *Sentinel) downFor(group string, m cluster.Member, now time.Time) time.Duration {
	w := s.watch(group, now)
	if f := w.fences[m.Incarnation]; f != nil {
		return now.Sub(f.at)
	}
	return 0
}

// masterFields describe the master of a group. One that this sentinel is not sure of is shown as down and disconnected,
// so that a client which looks at the flags asks the next sentinel. The caller holds mu.
func (s *Sentinel) masterFields(l lookup, now time.Time) fields {
	c := condition{
		kind: "master", sdown: l.sdown || !l.sure, odown: l.odown || !l.sure, disconnected: !l.sure,
		silent: silence(l.seen, now, s.started), down: s.downFor(l.group.Name, l.master, now),
	}
	if l.moving {
		c.more = append(c.more, "failover_in_progress")
	}
	if l.seen.saysBroken() {
		c.more = append(c.more, "broken")
	}
	set := l.group.Settings
	f := c.common(l.group.Name, l.master.Addr, l.master.Incarnation, plan.DownAfter(set))
	f.addInt("info-refresh", millis(c.silent))
	f.add("role-reported", "master")
	f.addInt("role-reported-time", millis(now.Sub(s.started)))
	f.add("config-epoch", strconv.FormatUint(l.group.Epoch, 10))
	f.addInt("num-slaves", int64(len(l.replicas)))
	f.addInt("num-other-sentinels", int64(len(l.others)))
	f.addInt("quorum", int64(set.Quorum))
	f.addInt("failover-timeout", set.FailoverTimeoutMs)
	f.addInt("parallel-syncs", int64(set.ParallelSyncs))
	return f
}

// replicaFields describe a slave. All name the head as their master, whomever they follow in the chain; and one that
// is not yet in the chain is shown as down, as its data may be old. The caller holds mu.
func (s *Sentinel) replicaFields(l lookup, r replica, now time.Time) fields {
	ready := r.joined && l.sure && !r.seen.saysBroken()
	c := condition{
		kind: "slave", sdown: r.sdown || !ready, odown: r.odown, disconnected: !ready || r.seen == nil,
		silent: silence(r.seen, now, s.started), down: s.downFor(l.group.Name, r.member, now),
	}
	if r.seen.saysBroken() {
		c.more = append(c.more, "broken")
	}
	host, port := splitAddr(r.member.Addr)
	f := c.common(net.JoinHostPort(host, port), r.member.Addr, r.member.Incarnation, plan.DownAfter(l.group.Settings))
	f.addInt("info-refresh", millis(c.silent))
	f.add("role-reported", "slave")
	f.addInt("role-reported-time", millis(now.Sub(s.started)))
	var hb cluster.Heartbeat
	if r.seen != nil {
		hb = r.seen.hb
	}
	status := "err"
	if hb.LinkUp {
		status = "ok"
	}
	mhost, mport := splitAddr(l.master.Addr)
	f.addInt("master-link-down-time", hb.LinkDownMs)
	f.add("master-link-status", status)
	f.add("master-host", mhost)
	f.add("master-port", mport)
	f.addInt("slave-priority", int64(hb.Priority))
	f.addInt("slave-repl-offset", hb.Offset)
	f.add("replica-announced", "1")
	return f
}

// sentinelFields describe another sentinel of a group.
func (s *Sentinel) sentinelFields(l lookup, p peer, present bool) fields {
	c := condition{kind: "sentinel", sdown: !present, disconnected: !present}
	f := c.common(p.ID, p.Addr, p.ID, plan.DownAfter(l.group.Settings))
	f.add("last-hello-message", "0")
	f.add("voted-leader", "?")
	f.add("voted-leader-epoch", "0")
	return f
}

package sentinel

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"holdfast/cluster"
	"holdfast/resp"
)

// report is what a sentinel tells the leader about all groups.
type report struct {
	Sentinel    string                 `json:"sentinel"`
	Incarnation string                 `json:"incarnation"`
	Addr        string                 `json:"addr"`
	Removed     int                    `json:"removed"` // how many removals of sentinels it has applied
	Groups      map[string]groupReport `json:"groups"`
}

type groupReport struct {
	Epoch  uint64        `json:"epoch"` // the epoch of the fences
	Fences []fenceReport `json:"fences,omitempty"`
	Nodes  []nodeReport  `json:"nodes,omitempty"`
}

type fenceReport struct {
	Incarnation string `json:"incarnation"`
	BackMs      int64  `json:"back_ms"` // for how long the member has been heard again; 0: it is silent
	Slow        bool   `json:"slow"`    // it was fenced for holding up the chain
}

type nodeReport struct {
	Heartbeat cluster.Heartbeat `json:"heartbeat"`
	AgeMs     int64             `json:"age_ms"`
	ForMs     int64             `json:"for_ms"` // without a gap
	Followed  bool              `json:"followed"`
}

// verdict is what the leader answers about one group.
type verdict struct {
	Epoch uint64   `json:"epoch"`
	Down  []string `json:"down,omitempty"` // incarnations that are objectively down
	Votes int      `json:"votes"`          // sentinels that fenced the head
	Drain uint64   `json:"drain,omitempty"`
	Waits string   `json:"waits,omitempty"` // see View.waits
}

type reportReply struct {
	Leader   string             `json:"leader"`
	Verdicts map[string]verdict `json:"verdicts"`
}

// received is a report and when it came.
type received struct {
	report report
	at     time.Time
}

// reportLoop tells the leader what this sentinel knows, regularly and whenever there is a new fence or another change.
func (s *Sentinel) reportLoop() {
	var c courier
	defer c.close()
	for s.sleep(s.pace(), s.wakeReport) {
		now := s.now()
		s.mu.Lock()
		r := s.makeReport(now)
		s.mu.Unlock()
		leader := s.quorum.leader()
		if leader == s.id {
			s.takeReport(r)
			continue
		}
		addr, ok := s.sentinelAddr(leader)
		if leader == "" || !ok {
			continue
		}
		reply, err := c.deliver(s, addr, r)
		if err != nil {
			s.log.Debug("report not delivered", "leader", leader, "addr", addr, "error", err)
			continue
		}
		s.takeVerdicts(reply)
	}
}

// makeReport gathers the durable fences and the fresh heartbeats. The caller holds mu.
func (s *Sentinel) makeReport(now time.Time) report {
	r := report{Sentinel: s.id, Incarnation: s.incarnation, Addr: s.addr, Removed: len(s.state.Removed), Groups: map[string]groupReport{}}
	for name, w := range s.watches {
		after := downAfter(s.group(name).Settings)
		gr := groupReport{Epoch: w.epoch}
		for incarnation, f := range w.fences {
			if !f.durable {
				continue
			}
			fr := fenceReport{Incarnation: incarnation, Slow: f.reason == reasonSlow}
			if since, ok := w.back(s.group(name), f, after, now); ok {
				fr.BackMs = max(now.Sub(since).Milliseconds(), 1)
			}
			gr.Fences = append(gr.Fences, fr)
		}
		for _, seen := range w.nodes {
			if age := now.Sub(seen.last); age < after {
				gr.Nodes = append(gr.Nodes, nodeReport{
					Heartbeat: seen.hb, AgeMs: age.Milliseconds(), ForMs: now.Sub(seen.first).Milliseconds(), Followed: seen.followed,
				})
			}
		}
		r.Groups[name] = gr
	}
	return r
}

// takeReport is the leader's side: it keeps the report and answers with what it makes of all of them.
func (s *Sentinel) takeReport(r report) reportReply {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports[r.Sentinel] = received{report: r, at: s.now()}
	wake(s.wakeLead)
	reply := reportReply{Leader: s.id, Verdicts: map[string]verdict{}}
	for name, v := range s.verdicts {
		reply.Verdicts[name] = v
	}
	return reply
}

// takeVerdicts is a follower's side of the answer.
func (s *Sentinel) takeVerdicts(reply reportReply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reply.Verdicts == nil {
		reply.Verdicts = map[string]verdict{}
	}
	s.verdicts, s.heardLead = reply.Verdicts, s.now()
	wake(s.wakeWatch)
}

// viewOf is a group as the reports show it. A fence counts however old its report is, as it is durable and lasts as
// long as the epoch; what a sentinel hears is only of use while it is fresh. The caller holds mu.
func (s *Sentinel) viewOf(name string, voters []Voter, now time.Time) View {
	g := s.group(name)
	after := downAfter(g.Settings)
	v := View{Group: g, Voters: len(voters), Fenced: map[string]int{}, Back: map[string]bool{}, Slow: map[string]bool{}, Calm: now.Sub(s.calmSince(g, now))}
	for _, voter := range voters {
		got, ok := s.reports[voter.ID]
		if !ok {
			continue
		}
		age := now.Sub(got.at)
		gr := got.report.Groups[name]
		if gr.Epoch == g.Epoch {
			for _, f := range gr.Fences {
				back := age < after && time.Duration(f.BackMs)*time.Millisecond > after/2
				if was, fenced := v.Back[f.Incarnation]; fenced {
					back = back && was
				}
				v.Back[f.Incarnation] = back
				v.Fenced[f.Incarnation]++
				v.Slow[f.Incarnation] = v.Slow[f.Incarnation] || f.Slow
			}
		}
		if age < after {
			v.merge(gr.Nodes, age)
		}
	}
	slices.SortFunc(v.Nodes, byData)
	if h := s.handovers[name]; h != nil {
		v.Asked = &Handover{Target: h.target}
	}
	if d := s.dead[name]; d.epoch == g.Epoch && !d.since.IsZero() {
		v.Dead = now.Sub(d.since)
	}
	return v
}

// merge keeps the newest sighting of each node.
func (v *View) merge(nodes []nodeReport, reportAge time.Duration) {
	for _, n := range nodes {
		s := Sighting{
			Heartbeat: n.Heartbeat, Age: time.Duration(n.AgeMs)*time.Millisecond + reportAge,
			For: time.Duration(n.ForMs)*time.Millisecond + reportAge, Followed: n.Followed,
		}
		i := slices.IndexFunc(v.Nodes, func(o Sighting) bool { return o.Heartbeat.Member.Name == n.Heartbeat.Member.Name })
		switch {
		case i < 0:
			v.Nodes = append(v.Nodes, s)
		default:
			o := v.Nodes[i]
			same := o.Heartbeat.Member.Is(s.Heartbeat.Member)
			followed := same && o.Followed
			if s.Age < o.Age {
				v.Nodes[i] = s
				followed = followed || s.Followed
			}
			v.Nodes[i].Followed = v.Nodes[i].Followed || followed || same && s.Followed
		}
	}
}

// courier keeps the connection to the leader.
type courier struct {
	addr   string
	client *resp.Client
}

func (c *courier) close() {
	if c.client != nil {
		// Nothing is in flight that anybody still waits for.
		_ = c.client.Close()
		c.client = nil
	}
}

// courierPatience bounds one report, so that a leader that vanished does not hold up the reports to the next one.
const courierPatience = 300 * time.Millisecond

func (c *courier) deliver(s *Sentinel, addr string, r report) (reply reportReply, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, courierPatience)
	defer cancel()
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.client == nil || c.addr != addr {
		c.close()
		if c.client, err = s.dialSentinel(ctx, addr); err != nil {
			return reply, err
		}
		c.addr = addr
	}
	data, err := json.Marshal(r)
	if err != nil {
		return reply, fmt.Errorf("encode report: %w", err)
	}
	v, err := c.client.Do(ctx, "HOLDFAST", "REPORT", data)
	if err != nil {
		return reply, err
	}
	if err := json.Unmarshal(v.Str, &reply); err != nil {
		return reply, fmt.Errorf("decode answer: %w", err)
	}
	return reply, nil
}

// dialSentinel connects to another sentinel and authenticates.
func (s *Sentinel) dialSentinel(ctx context.Context, addr string) (*resp.Client, error) {
	client, err := resp.Dial(ctx, s.cfg.Network, addr)
	if err != nil {
		return nil, err
	}
	pass := s.cfg.AuthPass
	if pass == "" {
		pass = s.cfg.RequirePass
	}
	if pass == "" {
		return client, nil
	}
	if _, err := client.Do(ctx, "AUTH", pass); err != nil {
		// The first error says it all.
		_ = client.Close()
		return nil, fmt.Errorf("authenticate at %s: %w", addr, err)
	}
	return client, nil
}

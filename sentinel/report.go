package sentinel

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"holdfast/cluster"
	"holdfast/membership"
	"holdfast/resp"
	"holdfast/sentinel/plan"
)

// report is what a sentinel tells the leader about all groups.
type report struct {
	Sentinel    string                 `json:"sentinel"`
	Incarnation string                 `json:"incarnation"`
	Addr        string                 `json:"addr"`
	Removed     int                    `json:"removed"` // how many removals of sentinels it has applied
	Level       cluster.Level          `json:"level,omitempty"`
	Groups      map[string]groupReport `json:"groups"`
}

type groupReport struct {
	Epoch  uint64        `json:"epoch"` // the epoch of the fences
	Fences []fenceReport `json:"fences,omitempty"`
	Nodes  []nodeReport  `json:"nodes,omitempty"`

	Reached plan.Reached `json:"reached"`
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
	Held  string   `json:"held,omitempty"`  // who holds back the feature level
}

type reportReply struct {
	Leader   string             `json:"leader"`
	Verdicts map[string]verdict `json:"verdicts"`
	Held     string             `json:"held,omitempty"` // which sentinels hold back the feature level
}

// received is a report and when it came.
type received struct {
	report report
	at     time.Time
}

// reportLoop tells the leader what this sentinel knows, regularly and whenever there is a new fence or another change.
func (s *Sentinel) reportLoop() {
	var c reportClient
	defer c.close()
	var last struct {
		leader string
		report report
		at     time.Time
	}
	for s.sleepTick(s.pace(), s.wakeReport) {
		now, leader := s.now(), s.quorum.leader()
		s.mu.Lock()
		r := s.makeReport(now)
		s.mu.Unlock()
		due := now.Sub(last.at) > s.pace()/2
		if !due && leader == last.leader && !r.tellsMoreThan(last.report) {
			continue
		}
		if s.deliver(&c, leader, r) {
			last.leader, last.report, last.at = leader, r, now
		}
	}
}

// deliver brings a report to the leader and takes in the answer.
func (s *Sentinel) deliver(c *reportClient, leader string, r report) bool {
	if leader == s.id {
		s.takeReport(r)
		return true
	}
	addr, ok := s.sentinelAddr(leader)
	if leader == "" || !ok {
		return false
	}
	reply, err := c.deliver(s, leader, addr, r)
	if err != nil {
		s.log.Debug("report not delivered", "leader", leader, "addr", addr, "error", err)
		return false
	}
	s.takeVerdicts(reply)
	return true
}

// makeReport gathers the durable fences and the fresh heartbeats. The caller holds mu.
func (s *Sentinel) makeReport(now time.Time) report {
	r := report{Sentinel: s.id, Incarnation: s.incarnation, Addr: s.addr, Removed: len(s.state.Removed),
		Level: s.cfg.Level, Groups: map[string]groupReport{}}
	for name, w := range s.watches {
		after := plan.DownAfter(s.group(name).Settings)
		gr := groupReport{Epoch: w.epoch, Reached: w.reached}
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
		agreed := s.state.Groups[name].Epoch > 0
		for _, seen := range w.nodes {
			if !agreed && !seen.steady() {
				continue
			}
			if age := now.Sub(seen.last); age < after {
				gr.Nodes = append(gr.Nodes, nodeReport{
					Heartbeat: seen.hb, AgeMs: age.Milliseconds(), ForMs: now.Sub(seen.first).Milliseconds(),
					Followed: seen.followed,
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
	if before, ok := s.reports[r.Sentinel]; !ok || r.tellsMoreThan(before.report) {
		wake(s.wakeLead)
	}
	s.reports[r.Sentinel] = received{report: r, at: s.now()}
	reply := reportReply{Leader: s.id, Verdicts: map[string]verdict{}, Held: s.held}
	for name, v := range s.verdicts {
		reply.Verdicts[name] = v
	}
	return reply
}

// tellsMoreThan says whether a report shows more than that time has passed since the one before.
func (r report) tellsMoreThan(before report) bool {
	same := r.Incarnation == before.Incarnation && r.Removed == before.Removed &&
		maps.EqualFunc(r.Groups, before.Groups, groupReport.isLike)
	return !same
}

// isLike says whether two reports on a group differ in no more than ages and amounts.
func (g groupReport) isLike(o groupReport) bool {
	fences := func(g groupReport) map[string]bool {
		back := map[string]bool{}
		for _, f := range g.Fences {
			back[f.Incarnation] = f.BackMs > 0
		}
		return back
	}
	nodes := func(g groupReport) map[string]nodeReport {
		heard := make(map[string]nodeReport, len(g.Nodes))
		for _, n := range g.Nodes {
			heard[n.Heartbeat.Member.Incarnation] = n
		}
		return heard
	}
	return g.Epoch == o.Epoch && maps.Equal(fences(g), fences(o)) &&
		maps.EqualFunc(nodes(g), nodes(o), func(a, b nodeReport) bool {
			return a.Followed == b.Followed && !changed(a.Heartbeat, b.Heartbeat)
		})
}

// takeVerdicts is a follower's side of the answer.
func (s *Sentinel) takeVerdicts(reply reportReply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reply.Verdicts == nil {
		reply.Verdicts = map[string]verdict{}
	}
	s.verdicts, s.held, s.heardLead = reply.Verdicts, reply.Held, s.now()
	wake(s.wakeWatch)
}

// viewOf is a group as the reports show it. A fence counts however old its report is, as it is durable and lasts as
// long as the epoch; what a sentinel hears is only of use while it is fresh. The caller holds mu.
func (s *Sentinel) viewOf(name string, voters []plan.Voter, now time.Time) plan.View {
	g := s.group(name)
	after := plan.DownAfter(g.Settings)
	v := plan.View{Group: g, Voters: len(voters), Fenced: map[string]int{}, Back: map[string]bool{},
		Slow: map[string]bool{}, Calm: now.Sub(s.calmSince(g, now)), Level: s.state.Level.OrBase()}
	for _, voter := range voters {
		got, ok := s.reports[voter.ID]
		if !ok {
			continue
		}
		age := now.Sub(got.at)
		gr := got.report.Groups[name]
		v.Reached = v.Reached.Later(gr.Reached, g.Began)
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
	}
	for _, voter := range voters {
		if got, ok := s.reports[voter.ID]; ok && now.Sub(got.at) < after {
			for _, n := range got.report.Groups[name].Nodes {
				v.See(n.sighting(now.Sub(got.at)))
			}
		}
	}
	// Whoever is too old, or of another installation, is refused, but by a sentinel that was started just now and does
	// not know the group yet.
	v.Nodes = slices.DeleteFunc(v.Nodes, func(o plan.Sighting) bool {
		return !plan.IsIn(g, o.Heartbeat.Member) &&
			(o.TooOld(g.Features.Level) != nil || s.state.IsForeign(o.Heartbeat.Installation))
	})
	slices.SortFunc(v.Nodes, plan.ByData)
	if h := s.handovers[name]; h != nil {
		v.Asked = &plan.Handover{Target: h.target}
	}
	if d := s.dead[name]; d.epoch == g.Epoch && !d.since.IsZero() {
		v.Dead = now.Sub(d.since)
	}
	return v
}

// sighting is what a report that is so old says of a node.
func (n nodeReport) sighting(age time.Duration) plan.Sighting {
	return plan.Sighting{
		Heartbeat: n.Heartbeat, Age: time.Duration(n.AgeMs)*time.Millisecond + age,
		For: time.Duration(n.ForMs)*time.Millisecond + age, Followed: n.Followed,
	}
}

// reportClient keeps the connection to the leader.
type reportClient struct {
	id, addr string
	client   *resp.Client
}

func (c *reportClient) close() {
	if c.client != nil {
		// Nothing is in flight that anybody still waits for.
		_ = c.client.Close()
		c.client = nil
	}
}

// reportPatience bounds one report, so that a leader that vanished does not hold up the reports to the next one.
const reportPatience = 300 * time.Millisecond

func (c *reportClient) deliver(s *Sentinel, id, addr string, r report) (reply reportReply, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, reportPatience)
	defer cancel()
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.client == nil || c.id != id || c.addr != addr {
		c.close()
		if c.client, err = s.dialSentinel(ctx, id, addr); err != nil {
			return reply, err
		}
		c.id, c.addr = id, addr
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

// dialSentinel connects to the sentinel of an id; both prove who they are. Somebody else who is at the address by now
// refuses. Then it may be where it says itself, until the gossip has missed it where it was.
func (s *Sentinel) dialSentinel(ctx context.Context, id, addr string) (*resp.Client, error) {
	client, err := s.dialSentinelAt(ctx, id, addr)
	if err == nil {
		return client, nil
	}
	if moved := s.gossip.Elsewhere(id); moved.ID != "" && moved.Addr != addr {
		return s.dialSentinelAt(ctx, id, moved.Addr)
	}
	return nil, err
}

func (s *Sentinel) dialSentinelAt(ctx context.Context, id, addr string) (*resp.Client, error) {
	conn, err := s.cfg.Network.Dial(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	conn, peer, err := s.member.Client(ctx, conn, membership.Quorum, membership.Peer{Kind: membership.Sentinel})
	if err != nil {
		return nil, err
	}
	client := resp.NewClient(conn)
	if err = s.introduce(ctx, client, id); err == nil {
		err = provenAs(peer, id)
	}
	if err != nil {
		// The first error says it all.
		_ = client.Close()
		return nil, fmt.Errorf("sentinel %s at %s: %w", plan.ShortID(id), addr, err)
	}
	return client, nil
}

func (s *Sentinel) introduce(ctx context.Context, client *resp.Client, id string) error {
	text, err := json.Marshal(s.self.greet(id))
	if err != nil {
		return err
	}
	v, err := client.Do(ctx, "HOLDFAST", "HELLO", text)
	if err != nil {
		return err
	}
	var a answer
	if v.Kind == resp.KindBulk { // else it is of a version that says no more than OK
		if err := json.Unmarshal(v.Str, &a); err != nil {
			return fmt.Errorf("decode answer: %w", err)
		}
	}
	return s.self.tooOld(id, a.Level)
}

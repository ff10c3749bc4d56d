package sim

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"holdfast/cluster"
	"holdfast/internal/simnet"
	"holdfast/replication"
	"holdfast/resp"
	"holdfast/sentinel"
)

const strangersIP = "10.0.9.66"

// stranger speaks on every port of a group with a key, all that a member would say that it has looked up, and much
// else. Nobody may believe a word, or tell it one: what is answered is checked here, and what becomes of the group by
// all the other rules.
func (f *faults) stranger() bool {
	g := f.agreed()
	leader := f.leader()
	if f.key == "" || len(g.Chain) == 0 || leader == nil {
		return false
	}
	before, err := f.statusOf(leader)
	if err != nil {
		return false
	}
	f.story.tell("FAULT", "a stranger speaks on every port")
	host := f.net.Host(strangersIP).Restart()
	f.strangersGossip(host)
	for _, w := range f.sentinels {
		if w.s == nil {
			continue
		}
		id := w.s.ID()
		f.strangersRaft(host, w, before)
		m := g.Chain[f.rng.IntN(len(g.Chain))]
		beat := asJSON(cluster.Heartbeat{Group: groupName,
			Member: cluster.Member{Name: m.Name, Incarnation: strings.Repeat("f", 40), Addr: strangersIP + ":1"},
			Epoch:  g.Epoch, Role: cluster.RoleMaster, Committing: true, Offset: 1 << 40, Commit: 1 << 40})
		f.unheardAt(host, w.addr(),
			[][]any{{"HOLDFAST", "HEARTBEAT", beat}, {"HOLDFAST", "REPORT", asJSON(map[string]string{"sentinel": id})},
				{"HOLDFAST", "BOOTSTRAP", id},
				{"HOLDFAST", "FORWARD", "SENTINEL", "FAILOVER", groupName}, {"HOLDFAST", "REMOVED", id},
				{"HOLDFAST", "IS-REMOVED", id}})
	}
	for i, m := range g.Chain {
		next := g.Chain[(i+1)%len(g.Chain)]
		hello := asJSON(replication.Hello{Group: groupName, Epoch: g.Epoch, Member: memberOf(next), To: memberOf(m)})
		f.unheardAt(host, m.Addr, [][]any{{"REPLCONF", "confirm", hello}, {"REPLCONF", "holdfast", hello}})
		f.forgedAcks(host, m.Addr, g.Epoch)
	}
	f.sleep(f.between(50*time.Millisecond, 500*time.Millisecond))
	if now, err := f.statusOf(leader); err == nil && now.Term > before.Term+500 {
		f.t.Errorf("the sentinels' term %d became %d: they have believed a stranger", before.Term, now.Term)
	}
	return true
}

func memberOf(m sentinel.MemberStatus) cluster.Member {
	return cluster.Member{Name: m.Name, Incarnation: m.Incarnation, Addr: m.Addr}
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // they are plain values
	}
	return string(text)
}

// unheardAt says what only members may say, and has each word refused; or is sent away, where other strangers have all
// places.
func (f *faults) unheardAt(host *simnet.Host, addr string, words [][]any) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client, err := resp.Dial(ctx, host, addr)
	if err != nil {
		return // it is down
	}
	defer client.Close()
	for _, command := range words {
		_, err := client.Do(ctx, command...)
		var reply resp.Error
		full := f.full.stop != nil && err != nil && strings.HasPrefix(err.Error(), "ERR max number of clients")
		if err == nil || errors.As(err, &reply) && !strings.HasPrefix(err.Error(), "NOPROOF ") && !full {
			f.t.Errorf("%s answers %v to a stranger who says %v", addr, err, command[:2])
		}
	}
}

// forgedAcks follows a node as a replica of Redis's might, and acknowledges in the name of a chain.
func (f *faults) forgedAcks(host *simnet.Host, addr string, epoch uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := host.Dial(ctx, addr)
	if err != nil {
		return
	}
	defer conn.Close()
	far := fmt.Sprint(1 << 40)
	said := resp.AppendCommandStrings(nil, "PSYNC", "?", "-1")
	said = resp.AppendCommandStrings(said, "REPLCONF", "ACK", far, "COMMIT", far, "EPOCH", fmt.Sprint(epoch))
	_, _ = conn.Write(said)
	_ = conn.SetReadDeadline(time.Now().Add(patience / 3))
	_, _ = io.Copy(io.Discard, conn)
}

// strangersGossip joins the gossip without the key, by way of everybody.
func (f *faults) strangersGossip(host *simnet.Host) {
	join := f.gossipSeeds()
	for _, m := range f.nodes {
		join = append(join, m.ip()+":16379")
	}
	g, err := cluster.NewGossip(cluster.GossipConfig{
		Network: host, Self: cluster.Node{Kind: "sentinel", Name: strings.Repeat("9", 40), Addr: strangersIP + ":1",
			RaftAddr: strangersIP + ":2", Incarnation: "9"},
		Bind: strangersIP + ":3", Advertise: strangersIP + ":3", Join: join, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.t.Errorf("the stranger's gossip: %v", err)
		return
	}
	l, err := host.Listen(strangersIP + ":1")
	if err != nil {
		f.t.Errorf("the stranger's port: %v", err)
		return
	}
	told := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			close(told)
			return
		}
		var said bytes.Buffer
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, _ = io.Copy(&said, conn)
		_ = conn.Close()
		told <- said.String()
	}()
	f.sleep(patience)
	if n := len(g.Members()); n > 1 {
		f.t.Errorf("the gossip tells a stranger of %d members", n-1)
	}
	_, _ = g.Close(), l.Close()
	if text, ok := <-told; ok {
		f.t.Errorf("a stranger was dialed, and told %q", text)
	}
}

// strangersRaft claims to lead the sentinels, after the greeting that a sentinel begins with: it has looked up all that
// is in it.
func (f *faults) strangersRaft(host *simnet.Host, w *watcher, known sentinel.Status) {
	term := known.Term + 1000
	l, err := host.Listen(strangersIP + ":0")
	if err != nil {
		f.t.Errorf("the stranger's port: %v", err)
		return
	}
	trans := raft.NewNetworkTransport(strangersLayer{l, host,
		asJSON(map[string]any{"installation": known.Installation, "from": known.Leader, "to": w.s.ID(),
			"level": cluster.LevelNow})}, 1, patience, io.Discard)
	defer trans.Close()
	me := trans.EncodePeer("stranger", trans.LocalAddr())
	header := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("stranger"), Addr: me}
	to := raft.ServerAddress(w.ip() + ":27379")
	if trans.AppendEntries(raft.ServerID(w.s.ID()), to, &raft.AppendEntriesRequest{RPCHeader: header, Term: term},
		&raft.AppendEntriesResponse{}) == nil {
		f.t.Errorf("%s lets a stranger lead it", w.name)
	}
	if trans.RequestVote(raft.ServerID(w.s.ID()), to, &raft.RequestVoteRequest{RPCHeader: header, Term: term,
		LeadershipTransfer: true}, &raft.RequestVoteResponse{}) == nil {
		f.t.Errorf("%s votes for a stranger", w.name)
	}
}

// strangersLayer is a Raft transport's network without a proof.
type strangersLayer struct {
	net.Listener
	host     *simnet.Host
	greeting string
}

// Dial connects to a Raft port, and greets as sentinels do: JSON behind its length, and an answer of the same form.
func (s strangersLayer) Dial(addr raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := s.host.Dial(ctx, string(addr))
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(timeout))
	size := make([]byte, 2)
	if _, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(s.greeting))),
		s.greeting...)); err == nil {
		_, err = io.ReadFull(conn, size)
	}
	if err == nil {
		_, err = io.ReadFull(conn, make([]byte, binary.BigEndian.Uint16(size)))
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

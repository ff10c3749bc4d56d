package member

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"holdfast/cluster"
	"holdfast/membership"
	"holdfast/replication"
	"holdfast/resp"
)

// askAgain is how soon a member that refused is asked again: it, or this node, is about to learn of another epoch.
const askAgain = 20 * time.Millisecond

// Hello is how this node introduces itself to another member, as of the place where it stands.
func (a *Agent) Hello(p *Place, to cluster.Member) replication.Hello {
	return replication.Hello{
		Group: p.Group.Name, Epoch: p.Epoch(), Member: a.self, To: to,
		Installation: a.cfg.Identity.Installation(), Level: a.cfg.Features.Understood(),
	}
}

// dial connects to another member, and proves that this is one, or gives the password where nobody proves anything.
func (a *Agent) dial(ctx context.Context, m cluster.Member) (*resp.Client, error) {
	conn, err := a.cfg.Network.Dial(ctx, m.Addr)
	if err != nil {
		return nil, err
	}
	if err := a.proof.Prove(ctx, conn, membership.Peer{Kind: membership.Node, Name: m.Name}); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	client := resp.NewClient(conn)
	user, pass := a.cfg.Settings.MasterUser(), a.cfg.Settings.MasterAuth()
	if pass == "" || a.proof != nil {
		return client, nil
	}
	args := []any{"AUTH", pass}
	if user != "" {
		args = []any{"AUTH", user, pass}
	}
	if _, err := client.Do(ctx, args...); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

// MasterLink is the connection on which a replica asks the master whether their epoch stands. One goroutine uses it.
type MasterLink struct {
	a      *Agent
	to     cluster.Member
	client *resp.Client // nil: not connected
}

// NewMasterLink is not connected yet.
func (a *Agent) NewMasterLink() *MasterLink { return &MasterLink{a: a} }

// Ask asks the master of the place's epoch until it confirms, or ctx ends.
func (l *MasterLink) Ask(ctx context.Context, p *Place) error {
	head, ok := p.Group.Head()
	if !ok {
		return errNoMaster
	}
	question, err := json.Marshal(l.a.Hello(p, head))
	if err != nil {
		return fmt.Errorf("asking the master: %w", err)
	}
	for {
		err := l.askOnce(ctx, head, question)
		if err == nil {
			return nil
		}
		if !untilAskedAgain(ctx) {
			return err
		}
	}
}

// untilAskedAgain waits until a member that refused is to be asked again. It reports false when ctx ends.
func untilAskedAgain(ctx context.Context) bool {
	retry := time.NewTimer(askAgain)
	defer retry.Stop()
	select {
	case <-retry.C:
		return true
	case <-ctx.Done():
		return false
	}
}

var errNoMaster = errors.New("no master is known")

func (l *MasterLink) askOnce(ctx context.Context, head cluster.Member, question []byte) (err error) {
	defer func() {
		if reply := resp.Error(""); err != nil && !errors.As(err, &reply) {
			l.Close()
		}
	}()
	if l.to != head {
		l.Close()
	}
	if l.client == nil {
		l.to = head
		if l.client, err = l.a.dial(ctx, head); err != nil {
			return fmt.Errorf("asking the master: %w", err)
		}
	}
	if _, err := l.client.Do(ctx, "REPLCONF", "confirm", question); err != nil {
		return fmt.Errorf("asking the master: %w", err)
	}
	return nil
}

// Close ends the connection, if there is one.
func (l *MasterLink) Close() {
	if l.client != nil {
		_ = l.client.Close() // there is nothing more to hear
		l.client = nil
	}
}

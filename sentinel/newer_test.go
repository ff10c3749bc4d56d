package sentinel

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"testing"

	"holdfast/cluster"
	"holdfast/internal/newer"
	"holdfast/sentinel/plan"
)

func unmarshal[T any](text []byte) (v T, err error) { return v, json.Unmarshal(text, &v) }

// framed reads a message as it is in front of Raft's.
func framed[T any](text []byte) (v T, err error) {
	frame := append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...)
	return v, readFrame(bytes.NewReader(frame), &v)
}

// TestLaterVersions: what members of a later version say, and what they have stored, is read, without what they added.
func TestLaterVersions(t *testing.T) {
	newer.Reads(t, unmarshal[cluster.Heartbeat])
	newer.Reads(t, unmarshal[cluster.HeartbeatReply])
	newer.Reads(t, unmarshal[cluster.Node])
	newer.Reads(t, unmarshal[report])
	newer.Reads(t, unmarshal[reportReply])
	newer.Reads(t, unmarshal[plan.Entry])
	newer.Reads(t, unmarshal[Status])
	newer.Reads(t, framed[greeting])
	newer.Reads(t, framed[answer])
	newer.Reads(t, decodeSnapshot)
	newer.Reads(t, func(text []byte) (judgement, error) {
		s := NewMemoryStorage()
		if err := s.stable.Set(keyJudgement, text); err != nil {
			t.Fatal(err)
		}
		return s.loadJudgement()
	})
}

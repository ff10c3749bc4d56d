package migrate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"holdfast/replication"
	"holdfast/resp"
)

// TestHistoryIsToldWhenTimeIsUp: a source that told of another history and is silent when the time is up is still known
// to have another history.
func TestHistoryIsToldWhenTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer here.Close()
		go func() {
			defer there.Close()
			reader := resp.NewReader(there)
			if _, err := reader.ReadValue(); err != nil {
				t.Error(err)
				return
			}
			info := "master_replid:" + strings.Repeat("b", 40) + "\r\nmaster_repl_offset:7\r\n"
			if _, err := fmt.Fprintf(there, "$%d\r\n%s\r\n", len(info), info); err != nil {
				t.Error(err)
			}
			_, _ = reader.ReadValue() // the next question has no answer
			<-t.Context().Done()
		}()
		l := &link{im: &Import{Progress: &Progress{}}, from: &Source{}, ctx: t.Context(),
			log: replication.NewLog(replication.LogConfig{})}
		ctx, cancel := context.WithTimeout(t.Context(), catchUp)
		defer cancel()
		var history *HistoryError
		if err := l.catchUp(ctx, resp.NewClient(here)); !errors.As(err, &history) || history.Now.Offset != 7 {
			t.Error(err)
		}
	})
}

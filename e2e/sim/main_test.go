package sim

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain has the collector run less often: groups come and go, and leave more garbage than data.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(m.Run())
}

package usage

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Meter measures the running process. A nil one measures nothing, and answers 0.
type Meter struct {
	statm *os.File // /proc/self/statm; nil: there is none here

	mu   sync.Mutex
	text [256]byte
}

// New makes a Meter that reads /proc/self/statm, which the caller has opened and nobody closes; nil where there is
// none.
func New(statm *os.File) *Meter { return &Meter{statm: statm} }

// Resident is how many bytes of memory the process has; 0 when nobody knows. It is asked every second, also of a node
// that does nothing else: the file stays open.
func (m *Meter) Resident() int64 {
	if m == nil || m.statm == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return residentOf(m.text[:m.read()])
}

// residentOf reads the second number of /proc/self/statm: resident pages.
func residentOf(statm []byte) int64 {
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// CPU is the processor time that the process has used so far.
func (m *Meter) CPU() (user, system time.Duration) {
	var u syscall.Rusage
	if m == nil || syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, 0
	}
	return time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
}

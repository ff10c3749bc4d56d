package usage

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMeter(t *testing.T) {
	name := filepath.Join(t.TempDir(), "statm")
	if err := os.WriteFile(name, []byte("1000 25 3 4 0 5 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := New(f)
	for range 2 {
		if got, want := m.Resident(), 25*int64(os.Getpagesize()); got != want {
			t.Errorf("%d bytes are resident, want %d", got, want)
		}
	}
	if user, system := m.CPU(); user+system <= 0 {
		t.Errorf("it has used no processor time: %v, %v", user, system)
	}
	for _, none := range []*Meter{nil, New(nil)} {
		if got := none.Resident(); got != 0 {
			t.Errorf("without the file %d bytes are resident", got)
		}
	}
	for _, text := range []string{"", "7", "7 many"} {
		if got := residentOf([]byte(text)); got != 0 {
			t.Errorf("%q: %d", text, got)
		}
	}
}

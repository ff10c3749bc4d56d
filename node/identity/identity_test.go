package identity

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"holdfast/internal/memfs"
	"holdfast/internal/newer"
)

// TestIdentitySurvives: what was noted is there after a loss of power, and a note that fails changes nothing.
func TestIdentitySurvives(t *testing.T) {
	for seed := range uint64(50) {
		disk := memfs.New()
		i := New(disk, nil)
		if err := i.Change(func(p *Papers) { p.Name, p.Installation = "a", "x" }); err != nil {
			t.Fatal(err)
		}
		disk.SetRoom(3)
		if err := i.Change(func(p *Papers) { p.Name = "b" }); err == nil || i.Now().Name != "a" {
			t.Fatalf("a full disk: %v, %+v", err, i.Now())
		}
		disk.LosePower(rand.New(rand.NewPCG(seed, 1)))
		if got, err := readPapers(disk); err != nil || !reflect.DeepEqual(got, Papers{Name: "a", Installation: "x"}) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
}

// TestLaterPapers: what a later version has noted in the directory is read, without what it added.
func TestLaterPapers(t *testing.T) {
	newer.Reads(t, func(text []byte) (Papers, error) {
		disk := memfs.New()
		f, err := disk.Create(identityFile)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(text); err != nil {
			t.Fatal(err)
		}
		return readPapers(disk)
	})
}

package aof

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// BenchmarkWrite appends to the log on a real disk, one write a commit.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{40, 4 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			root, err := os.OpenRoot(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer root.Close()
			f, err := Open(Config{FS: NewRoot(root), Dir: "appendonlydir", Name: "appendonly.aof"})
			if err != nil {
				b.Fatal(err)
			}
			base, err := f.NewBase()
			if err == nil {
				err = base.Restart(Identity{ID: id, Incarnation: "i"}, 0, 0)
			}
			if err != nil {
				b.Fatal(err)
			}
			p := bytes.Repeat([]byte("x"), size)
			b.SetBytes(int64(size))
			for b.Loop() {
				if err := f.Write(p); err != nil {
					b.Fatal(err)
				}
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

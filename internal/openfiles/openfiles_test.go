package openfiles

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// system is an operating system that allows no more than hard.
func system(soft, hard uint64) Limit {
	return func(want uint64) (before, after uint64, err error) {
		before = soft
		set := func(n uint64) error {
			if n > hard {
				return errors.New("operation not permitted")
			}
			soft = n
			return nil
		}
		if want <= soft {
			return before, soft, nil
		}
		if err := set(want); err != nil {
			return before, best(before, want, set), err
		}
		return before, soft, nil
	}
}

func TestFit(t *testing.T) {
	for _, test := range []struct {
		name             string
		soft, hard       uint64
		clients, reserve int
		fit              int
		log              string // what it has to tell
	}{
		{"enough", 20000, 20000, 10000, Reserve, 10000, ""},
		{"raised", 1024, 20000, 10000, Reserve, 10000,
			"Increased maximum number of open files to 10032 (it was originally set to 1024)."},
		{"lowered", 256, 256, 10000, Reserve, 224, "Current maximum open files is 256. maxclients has been reduced " +
			"to 224 to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'."},
		{"raised and lowered, in steps of 16", 256, 1000, 10000, Reserve, 960,
			"Server can't set maximum open files to 10032 because of OS error: operation not permitted."},
		{"few asked for", 64, 64, 20, Reserve, 20, ""},
		{"just one", 33, 33, 10000, Reserve, 1,
			"You requested maxclients of 10000 requiring at least 10032 max file descriptors."},
		{"a group's reserve", 64, 64, 10000, 48, 16, "maxclients has been reduced to 16"},
		{"none", 32, 32, 10000, Reserve, 0, ""},
		{"as many as can be asked for", 1024, 1 << 20, 1<<32 - 1, Reserve, 1<<20 - 1 - Reserve, "reduced to"},
	} {
		var out bytes.Buffer
		fit, err := Fit(system(test.soft, test.hard), test.clients, test.reserve,
			slog.New(slog.NewTextHandler(&out, nil)))
		if fit != test.fit || (err != nil) != (test.fit == 0) || !strings.Contains(out.String(), test.log) ||
			test.log == "" && out.Len() > 0 {
			t.Errorf("%s: %d, %v, said %s", test.name, fit, err, out.String())
		}
	}
	if fit, err := Fit(nil, 7, Reserve, slog.Default()); fit != 7 || err != nil {
		t.Error("without a limit:", fit, err)
	}
}

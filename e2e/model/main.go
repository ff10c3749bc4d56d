package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	limit := flag.Int("limit", 6_000_000, "states of one exploration, at most; more is a failure")
	only := flag.String("only", "", "the explorations whose description has this in it")
	story := flag.Bool("story", false, "tell the shortest way to each break of what is switched off")
	flag.Parse()
	failed, states, began := false, 0, time.Now()
	for _, list := range [][]scene{kept, broken} {
		for _, s := range list {
			if !strings.Contains(s.what, *only) {
				continue
			}
			began := time.Now()
			r := newWorld(s.bounds, s.off).explore(*limit)
			states += r.states
			fmt.Printf("%-72s %v, %v\n", s.what, r, time.Since(began).Round(10*time.Millisecond))
			wrong := s.wrong(r)
			if wrong != "" {
				failed = true
				fmt.Println("    FAILED:", wrong)
			}
			if r.bad != "" && (wrong != "" || *story) {
				r.tell()
			}
		}
	}
	fmt.Printf("%d states, %v\n", states, time.Since(began).Round(time.Second))
	if failed {
		os.Exit(1)
	}
}

// wrong says how a result is not what its scene has to give; empty: it is.
func (s scene) wrong(r result) string {
	switch {
	case !r.full:
		return "there are more states than the limit"
	case s.off == rules{} && r.bad != "":
		return "a promise is broken"
	case s.off != rules{} && r.bad == "":
		return "nothing breaks, so this check cannot fail"
	}
	return ""
}

// tell prints the way to a break.
func (r result) tell() {
	for i, line := range r.story {
		fmt.Printf("    %2d. %s\n", i+1, line)
	}
}

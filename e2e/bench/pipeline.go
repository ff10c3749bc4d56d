package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"holdfast/resp"
)

const (
	number      = "__rand_int__" // redis-benchmark's word for a random number of as many digits
	replicasAck = ":2\r\n"       // WAIT's reply from loadReplicas
)

// benchCommand is a command that is measured.
type benchCommand struct {
	name   string
	words  []string
	reply  string        // how its replies begin
	before *benchCommand // to be run beforehand as often, not measured
}

var (
	loadValue = strings.Repeat("x", benchValue)
	setString = benchCommand{name: "SET", words: []string{"SET", "key:" + number, loadValue}, reply: "+OK"}
	getString = benchCommand{name: "GET", words: []string{"GET", "key:" + number}, reply: "$"}
	pushList  = benchCommand{name: "LPUSH", words: []string{"LPUSH", "mylist", loadValue}, reply: ":"}
	addEntry  = benchCommand{name: "XADD", words: []string{"XADD", "mystream", "*", "user", number, "action", "view",
		"item", "item:" + number}, reply: "$"}
	addRanked = benchCommand{name: "ZADD", words: []string{"ZADD", "myzset", number, "element:" + number}, reply: ":"}
	addPlace  = benchCommand{name: "GEOADD", reply: ":",
		words: []string{"GEOADD", "mygeo", placeLon, placeLat, "element:" + number}}
	addElement = benchCommand{name: "PFADD", words: []string{"PFADD", "myhll", "element:" + number}, reply: ":"}
)

// A place in a stretch of 100 by 10 degrees, and how large a circle has some hundred of all.
const placeLon, placeLat, placeRadius = number + "e-3", number + "e-4", "100"

// benchCommands are what redis-benchmark sends by these names, word for word, and what it has no name for.
var benchCommands = []benchCommand{
	setString,
	getString,
	{name: "INCR", words: []string{"INCR", "counter:" + number}, reply: ":"},
	pushList,
	{name: "LPOP", words: []string{"LPOP", "mylist"}, reply: "$", before: &pushList},
	{name: "HSET", words: []string{"HSET", "myhash", "element:" + number, loadValue}, reply: ":"},
	{name: "SADD", words: []string{"SADD", "myset", "element:" + number}, reply: ":"},
	addRanked,
	{name: "ZRANGE", words: []string{"ZRANGE", "myzset", "0", "9"}, reply: "*", before: &addRanked},
	{name: "MSET", words: msetWords(), reply: "+OK"},
	addPlace,
	{name: "GEOSEARCH", reply: "*", before: &addPlace,
		words: []string{"GEOSEARCH", "mygeo", "FROMLONLAT", placeLon, placeLat, "BYRADIUS", placeRadius, "km", "ASC"}},
	addElement,
	{name: "PFADD-many", words: []string{"PFADD", "hll:" + number, "element:" + number}, reply: ":"},
	{name: "PFCOUNT", words: []string{"PFCOUNT", "myhll"}, reply: ":", before: &addElement},
	addEntry,
	{name: "XRANGE", words: []string{"XRANGE", "mystream", "-", "+", "COUNT", "100"}, reply: "*", before: &addEntry},
}

func msetWords() []string {
	words := []string{"MSET"}
	for range 10 {
		words = append(words, "key:"+number, loadValue)
	}
	return words
}

// pipeline is what a client sends at once, rendered but for its random numbers, and how the replies must begin.
type pipeline struct {
	text    []byte
	numbers []int  // where in the text
	then    []byte // to be sent when the text has been answered; one reply
	replies []string
}

func newPipeline(l workload) (p pipeline) {
	wait := func(text *[]byte) {
		*text = resp.AppendCommandStrings(*text, "WAIT", strconv.Itoa(loadReplicas), "0")
		p.replies = append(p.replies, replicasAck)
	}
	for range l.depth {
		p.text = resp.AppendCommandStrings(p.text, l.command.words...)
		p.replies = append(p.replies, l.command.reply)
		if l.wait == waitEach {
			wait(&p.text)
		}
	}
	switch l.wait {
	case waitBatch:
		wait(&p.text)
	case waitThen:
		wait(&p.then)
	}
	for from := 0; ; {
		i := bytes.Index(p.text[from:], []byte(number))
		if i < 0 {
			return p
		}
		p.numbers = append(p.numbers, from+i)
		from += i + len(number)
	}
}

// draw has every number drawn anew.
func (p *pipeline) draw(random *rand.Rand) {
	for _, at := range p.numbers {
		putDigits(p.text[at:at+len(number)], random.IntN(benchKeys))
	}
}

// putDigits writes n in decimal, filled up with zeros.
func putDigits(to []byte, n int) {
	for i := len(to) - 1; i >= 0; i-- {
		to[i] = byte('0' + n%10)
		n /= 10
	}
}

// scanReply finds the end of the reply at the beginning of b; 0: it is not there yet. A reply that begins otherwise
// than expected, as an error does, is an error; what it contains is not looked at.
func scanReply(b []byte, expected string) (end int, err error) {
	line := bytes.IndexByte(b, '\n') + 1
	if line == 0 {
		return 0, nil
	}
	if !bytes.HasPrefix(b[:line], []byte(expected)) {
		return 0, fmt.Errorf("the answer was %q where %q was expected", b[:line], expected)
	}
	kind := b[0]
	if kind != '$' && kind != '*' {
		return line, nil
	}
	n, err := strconv.Atoi(string(bytes.TrimSuffix(b[1:line], []byte("\r\n"))))
	if err != nil {
		return 0, fmt.Errorf("the answer %q: %w", b[:line], err)
	}
	switch {
	case n < 0: // it is null
		return line, nil
	case kind == '$':
		if end = line + n + 2; end > len(b) {
			return 0, nil
		}
		return end, nil
	}
	end = line
	for range n {
		one, err := scanReply(b[end:], "")
		if one == 0 || err != nil {
			return 0, err
		}
		end += one
	}
	return end, nil
}

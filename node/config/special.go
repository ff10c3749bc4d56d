package config

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// SavePoint asks for a snapshot after a time with at least so many changes.
type SavePoint struct {
	Seconds int64
	Changes int64
}

// ClientClass is a kind of connection with an output limit of its own.
type ClientClass int

// The classes of client-output-buffer-limit.
const (
	ClassNormal ClientClass = iota
	ClassReplica
	ClassPubSub
	classCount
)

// OutputLimit says how much unsent output a client may pile up; 0 is no limit.
type OutputLimit struct {
	Hard        uint64
	Soft        uint64
	SoftSeconds int64
}

type outputLimits [classCount]OutputLimit

var classNames = [classCount]string{"normal", "slave", "pubsub"}

const maxBindAddresses = 16

func (d Directive) percent() Directive {
	d.Kind = MemoryPercent
	return d
}

func words(args []string) []string {
	if len(args) == 1 && args[0] == "" {
		return nil
	}
	return slices.Clone(args)
}

func applyList(_ value, args []string) (value, error) {
	list := words(args)
	return value{text: strings.Join(list, " "), parsed: list}, nil
}

func applyBind(old value, args []string) (value, error) {
	if len(args) > maxBindAddresses {
		return value{}, errors.New("Too many bind addresses specified.")
	}
	return applyList(old, args)
}

// applyDir makes the path whole, as Redis answers the directory that it is in.
func applyDir(_ value, args []string) (value, error) {
	if len(args) != 1 {
		return value{}, errArgCount
	}
	whole, err := filepath.Abs(args[0])
	if err != nil {
		return value{}, err
	}
	return value{text: whole}, nil
}

var errSave = errors.New("Invalid save parameters")

func applySave(_ value, args []string) (value, error) {
	args = words(args)
	if len(args)%2 != 0 {
		return value{}, errSave
	}
	points := make([]SavePoint, 0, len(args)/2)
	for i := 0; i < len(args); i += 2 {
		seconds, ok1 := parseLoose(args[i])
		changes, ok2 := parseLoose(args[i+1])
		if !ok1 || !ok2 || seconds < 1 || changes < 0 {
			return value{}, errSave
		}
		points = append(points, SavePoint{seconds, int64(int32(changes))})
	}
	return saveValue(points), nil
}

func saveValue(points []SavePoint) value {
	var b strings.Builder
	for i, p := range points {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d %d", p.Seconds, p.Changes)
	}
	return value{text: b.String(), parsed: points}
}

func saveLines(v value) []string {
	points := v.parsed.([]SavePoint)
	if len(points) == 0 {
		return []string{`""`}
	}
	lines := make([]string, len(points))
	for i, p := range points {
		lines[i] = fmt.Sprintf("%d %d", p.Seconds, p.Changes)
	}
	return lines
}

// applyOutputLimits changes only the classes that are named.
func applyOutputLimits(old value, args []string) (value, error) {
	if len(args)%4 != 0 {
		return value{}, errors.New("Wrong number of arguments in buffer limit configuration.")
	}
	limits, _ := old.parsed.(outputLimits)
	for i := 0; i < len(args); i += 4 {
		class := classByName(args[i])
		if class < 0 {
			return value{}, errors.New("Invalid client class specified in buffer limit configuration.")
		}
		hard, ok1 := ParseMemory(args[i+1])
		soft, ok2 := ParseMemory(args[i+2])
		seconds, ok3 := parseLoose(args[i+3])
		seconds = int64(int32(seconds))
		if !ok1 || !ok2 || !ok3 || seconds < 0 {
			return value{}, errors.New("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		limits[class] = OutputLimit{hard, soft, seconds}
	}
	parts := make([]string, classCount)
	for i, l := range limits {
		parts[i] = fmt.Sprintf("%s %d %d %d", classNames[i], l.Hard, l.Soft, l.SoftSeconds)
	}
	return value{text: strings.Join(parts, " "), parsed: limits}, nil
}

func classByName(s string) ClientClass {
	switch strings.ToLower(s) {
	case "normal":
		return ClassNormal
	case "slave", "replica":
		return ClassReplica
	case "pubsub":
		return ClassPubSub
	}
	return -1
}

func outputLimitLines(v value) []string {
	lines := make([]string, classCount)
	for i, l := range v.parsed.(outputLimits) {
		name := classNames[i]
		if ClientClass(i) == ClassReplica {
			name = "replica"
		}
		lines[i] = fmt.Sprintf("%s %s %s %d", name, formatMemory(l.Hard), formatMemory(l.Soft), l.SoftSeconds)
	}
	return lines
}

// formatMemory writes a number of bytes with the largest unit that fits.
func formatMemory(n uint64) string {
	for _, u := range []struct {
		size uint64
		name string
	}{{1 << 30, "gb"}, {1 << 20, "mb"}, {1 << 10, "kb"}} {
		if n != 0 && n%u.size == 0 {
			return strconv.FormatUint(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatUint(n, 10)
}

func applyOOMScores(_ value, args []string) (value, error) {
	if len(args) != 3 {
		return value{}, errArgCount
	}
	scores := make([]string, len(args))
	for i, a := range args {
		n, ok := parseLoose(a)
		if !ok || n < -2000 || n > 2000 {
			return value{}, errors.New("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
		}
		scores[i] = strconv.FormatInt(n, 10)
	}
	return value{text: strings.Join(scores, " "), parsed: scores}, nil
}

func applyReplicaOf(_ value, args []string) (value, error) {
	if len(args) != 2 {
		return value{}, errArgCount
	}
	if strings.EqualFold(args[0], "no") && strings.EqualFold(args[1], "one") {
		return value{}, nil
	}
	port, ok := parseLoose(args[1])
	if !ok || port < 0 || port > math.MaxUint16 {
		return value{}, errors.New("Invalid master port")
	}
	list := []string{args[0], strconv.FormatInt(port, 10)}
	return value{text: strings.Join(list, " "), num: port, parsed: list}, nil
}

func applyPercentiles(_ value, args []string) (value, error) {
	args = words(args)
	list := make([]float64, len(args))
	shown := make([]string, len(args))
	for i, a := range args {
		hex := strings.HasPrefix(strings.ToLower(a), "0x") && !strings.ContainsAny(a, "pP")
		number := a
		if hex {
			number += "p0" // which Go wants to see, and Redis does not
		}
		f, err := strconv.ParseFloat(number, 64)
		if err != nil || math.IsNaN(f) || strings.ContainsRune(a, '_') {
			return value{}, errors.New("Invalid latency-tracking-info-percentiles parameters")
		}
		if f < 0 || f > 100 {
			return value{}, errors.New("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
		}
		list[i] = f
		shown[i] = strings.TrimRight(strings.TrimRight(strconv.FormatFloat(f, 'f', 6, 64), "0"), ".")
	}
	return value{text: strings.Join(shown, " "), parsed: list}, nil
}

// NotifyFlags is the set of event classes of notify-keyspace-events.
type NotifyFlags uint32

// The classes, with the letter that stands for each.
const (
	NotifyGeneric  NotifyFlags = 1 << iota // g
	NotifyString                           // $
	NotifyList                             // l
	NotifySet                              // s
	NotifyHash                             // h
	NotifyZSet                             // z
	NotifyExpired                          // x
	NotifyEvicted                          // e
	NotifyStream                           // t
	NotifyModule                           // d
	NotifyNew                              // n
	NotifyKeyspace                         // K: publish to __keyspace@<db>__
	NotifyKeyevent                         // E: publish to __keyevent@<db>__
	NotifyKeyMiss                          // m
)

// notifyLetters is in the order of the constants, which is also how they are printed.
const notifyLetters = "g$lshzxetdnKEm"

// notifyAll is what the letter A stands for.
const notifyAll = NotifyGeneric | NotifyString | NotifyList | NotifySet | NotifyHash | NotifyZSet |
	NotifyExpired | NotifyEvicted | NotifyStream | NotifyModule

// String returns the letters as CONFIG GET of Redis prints them: no n beside an A.
func (f NotifyFlags) String() string {
	var b strings.Builder
	if f&notifyAll == notifyAll {
		b.WriteByte('A')
		f &^= notifyAll | NotifyNew
	}
	for i := range len(notifyLetters) {
		if f&(1<<i) != 0 {
			b.WriteByte(notifyLetters[i])
		}
	}
	return b.String()
}

// ParseNotifyClass returns the flag of an event class's letter, or 0.
func ParseNotifyClass(letter byte) NotifyFlags {
	if letter == 'A' {
		return notifyAll
	}
	if i := strings.IndexByte(notifyLetters, letter); i >= 0 {
		return 1 << i
	}
	return 0
}

func applyNotify(_ value, args []string) (value, error) {
	if len(args) != 1 {
		return value{}, errArgCount
	}
	var f NotifyFlags
	for i := range len(args[0]) {
		c := ParseNotifyClass(args[0][i])
		if c == 0 {
			return value{}, errors.New("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
		}
		f |= c
	}
	v := value{text: f.String(), num: int64(f), parsed: f}
	if f&notifyAll == notifyAll && f&NotifyNew != 0 {
		v.file = v.text + "n"
	}
	return v, nil
}

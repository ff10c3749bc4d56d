package lua

import "time"

// OpenOS opens what is harmless of the library os: clock, difftime and time.
func (l *State) OpenOS() {
	start := time.Now()
	l.Register("os", map[string]Function{
		"clock": func(l *State) int {
			l.PushNumber(time.Since(start).Seconds())
			return 1
		},
		"difftime": func(l *State) int {
			l.PushNumber(l.CheckNumber(1) - float64(l.OptInteger(2, 0)))
			return 1
		},
		"time": osTime,
	})
}

func osTime(l *State) int {
	if l.Arg(1).IsNil() {
		l.PushNumber(float64(time.Now().Unix()))
		return 1
	}
	t := l.CheckTable(1)
	field := func(name string, d int) int {
		v := t.GetString(name)
		if f, ok := toNumber(&v); ok {
			return int(toInteger(f))
		}
		if d < 0 {
			l.Errorf("field '%s' missing in date table", name)
		}
		return d
	}
	sec, minute, hour := field("sec", 0), field("min", 0), field("hour", 12)
	day, month, year := field("day", -1), field("month", -1), field("year", -1)
	l.PushNumber(float64(time.Date(year, time.Month(month), day, hour, minute, sec, 0, time.Local).Unix()))
	return 1
}

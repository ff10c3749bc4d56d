package config

import (
	"errors"
	"strings"
)

func isBaseName(s string) bool { return !strings.ContainsAny(s, `/\`) }

func checkDBFilename(s string) error {
	if !isBaseName(s) {
		return errors.New("dbfilename can't be a path, just a filename")
	}
	return nil
}

func checkAppendFilename(s string) error {
	if s == "" {
		return errors.New("appendfilename can't be empty")
	}
	if !isBaseName(s) {
		return errors.New("appendfilename can't be a path, just a filename")
	}
	return nil
}

func checkAppendDirname(s string) error {
	if s == "" {
		return errors.New("appenddirname can't be empty")
	}
	if !isBaseName(s) {
		return errors.New("appenddirname can't be a path, just a dirname")
	}
	return nil
}

func checkShutdown(s string) error {
	if words := " " + s + " "; strings.Contains(words, " save ") && strings.Contains(words, " nosave ") {
		return errors.New("shutdown options SAVE and NOSAVE can't be used simultaneously")
	}
	return nil
}

const maxHostnameLen = 255

func checkHostname(s string) error {
	if len(s) > maxHostnameLen {
		return errors.New("Hostnames must be less than 256 characters")
	}
	for _, c := range []byte(s) {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && c != '-' && c != '.' {
			return errors.New("Hostnames may only contain alphanumeric characters, hyphens or dots")
		}
	}
	return nil
}

// checkName accepts what may stand in a group's name: it is a word in replies,
// events and files.
func checkName(s string) error {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return errors.New("a group's name must be a word without blanks")
	}
	return nil
}

var errProcTitle = errors.New("template format is invalid or contains unknown variables")

// checkProcTitle accepts text with {variables}; "{{" stands for a brace.
func checkProcTitle(s string) error {
	visible := false
	for s != "" {
		before, rest, found := strings.Cut(s, "{")
		visible = visible || strings.Trim(before, " ") != ""
		if !found {
			break
		}
		if strings.HasPrefix(rest, "{") {
			visible, s = true, rest[1:]
			continue
		}
		variable, after, closed := strings.Cut(rest, "}")
		switch variable {
		case "title", "server-mode", "unixsocket":
		case "listen-addr", "config-file", "port", "tls-port":
			visible = true // never empty
		default:
			return errProcTitle
		}
		if !closed {
			return errProcTitle
		}
		s = after
	}
	if !visible {
		return errProcTitle
	}
	return nil
}

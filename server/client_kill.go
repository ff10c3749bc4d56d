package server

import (
	"holdfast/resp"
)

func clientKill(c *Call, args [][]byte, w *resp.Writer) error {
	f := clientFilter{skipMe: true, badID: resp.Error("ERR client-id should be greater than 0")}
	old := len(args) == 3
	if old {
		args = [][]byte{args[0], args[1], []byte("addr"), args[2], []byte("skipme"), []byte("no")}
	}
	if err := f.parse(args[2:]); err != nil {
		return err
	}
	killed := 0
	for _, s := range c.present() {
		if !f.fits(c.factsOf(s)) {
			continue
		}
		killed++
		if s == c.S {
			s.Close("CLIENT KILL of itself") // after the reply
		} else {
			s.Abort("CLIENT KILL")
		}
	}
	if f.class != nil || f.tests["addr"] != nil { // a link of a replica is no session any more; who means one says so
		killed += c.Host.KillReplicas(func(r Replica) bool { return f.fits(factsOfReplica(r)) })
	}
	switch {
	case !old:
		w.Int(int64(killed))
	case killed == 0:
		return resp.Error("ERR No such client")
	default:
		w.OK()
	}
	return nil
}

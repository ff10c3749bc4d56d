package resp

import "bytes"

// Shutdown are the options of SHUTDOWN.
type Shutdown struct{ Save, NoSave, Now, Force, Abort bool }

// ParseShutdown reads the arguments of SHUTDOWN behind its name.
func ParseShutdown(args [][]byte) (o Shutdown, err error) {
	options := map[string]*bool{"save": &o.Save, "nosave": &o.NoSave, "now": &o.Now, "force": &o.Force,
		"abort": &o.Abort}
	for _, a := range args {
		option := options[string(bytes.ToLower(a))]
		if option == nil {
			return o, Error("ERR syntax error")
		}
		*option = true
	}
	if o.Save && o.NoSave || o.Abort && (o.Save || o.NoSave || o.Now || o.Force) {
		return o, Error("ERR syntax error")
	}
	return o, nil
}

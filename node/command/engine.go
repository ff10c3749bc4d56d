package command

// This file is what the engine asks of the commands: engine.Commands.

// Apply executes one command of a log, at a time in unix milliseconds, in the database that the log stands in.
func (e *Env) Apply(args [][]byte, now int64, onlyQuick bool) error {
	if e.log == nil {
		e.log = e.NewLogContext()
		e.log.Input = e.Engine.Input()
	}
	c, data := e.log, &e.Engine.Data
	c.Now, c.S.DB = now, data.StreamDB
	err := e.ApplyEffect(c, args, onlyQuick)
	if err == nil {
		data.StreamDB = c.S.DB
	}
	return err
}

// Accept says why a command of the log can't be executed here, and notes first what the data need once it is in the
// log.
func (e *Env) Accept(args [][]byte) error {
	level, err := e.Knows(args)
	if err != nil {
		return err
	}
	return e.need(level)
}

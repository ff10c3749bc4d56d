package engine

import "holdfast/node/store"

// alone is what is around an engine that nobody else has to do with: no clients that wait, no disk, no chain.
type alone struct{}

func (alone) Apply([][]byte, int64, bool) error { return nil }
func (alone) Accept([][]byte) error             { return nil }
func (alone) Replaced(*store.Store)             {}
func (alone) ServeBlocked()                     {}
func (alone) Stage(woken []Waker) []Waker       { return woken }
func (alone) Write() (kept bool)                { return true }
func (alone) Role() Role                        { return Role{Master: true, Logs: true, Gated: true, Gates: true} }
func (alone) Spoilt(error, bool)                {}
func (alone) LetGo()                            {}
func (alone) Refuses(write bool) error          { return nil }
func (alone) LeadsForSure() bool                { return true }

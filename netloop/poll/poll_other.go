//go:build !linux

package poll

import (
	"errors"
	"net"
	"time"
)

// Set does not exist on this system.
type Set[T any] struct{}

// New says that there is none.
func New[T any](int) (*Set[T], error) { return nil, errors.ErrUnsupported }

// Close has nothing to close.
func (*Set[T]) Close() error { return nil }

// Add can't watch anything.
func (*Set[T]) Add(*Conn, T) error { return errors.ErrUnsupported }

// Remove has nothing to remove.
func (*Set[T]) Remove(*Conn) {}

// Wait has nothing to wait for.
func (*Set[T]) Wait(ready []Ready[T], _ bool) ([]Ready[T], error) {
	return ready, errors.ErrUnsupported
}

// Linger has nothing to wait for.
func (*Set[T]) Linger(ready []Ready[T], _ time.Duration) ([]Ready[T], error) {
	return ready, errors.ErrUnsupported
}

// Conn does not exist on this system.
type Conn struct{}

// NewConn says that there is none.
func NewConn(*net.TCPConn) (*Conn, error) { return nil, errors.ErrUnsupported }

// TryRead can't read.
func (*Conn) TryRead([]byte) (int, bool, error) { return 0, false, errors.ErrUnsupported }

// TryWrite can't write.
func (*Conn) TryWrite([]byte) (int, error) { return 0, errors.ErrUnsupported }

package poll

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Set watches connections, each known by a value of the caller's. One goroutine at a time may be in Wait; the rest may
// be called by anybody.
type Set[T any] struct {
	file   *os.File // the epoll instance: Go's poller watches it, so that a goroutine can wait for it
	raw    syscall.RawConn
	events []unix.EpollEvent

	mu      sync.Mutex
	members map[int32]member[T]
}

type member[T any] struct {
	conn *Conn
	of   T
}

// New makes an empty set, of whose connections one Wait returns at most batch.
func New[T any](batch int) (*Set[T], error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// Only a descriptor that doesn't block is given to Go's poller.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	s := &Set[T]{file: os.NewFile(uintptr(fd), "epoll"), events: make([]unix.EpollEvent, batch),
		members: map[int32]member[T]{}}
	if s.raw, err = s.file.SyscallConn(); err != nil {
		_ = s.file.Close()
		return nil, err
	}
	return s, nil
}

// Close ends Wait. The connections stay open.
func (s *Set[T]) Close() error { return s.file.Close() }

// Add begins to watch c. What it has to read already is reported too.
func (s *Set[T]) Add(c *Conn, of T) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.control(c, func(epoll, fd int) error {
		s.members[int32(fd)] = member[T]{c, of}
		err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{
			Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd),
		})
		if err != nil {
			delete(s.members, int32(fd))
			return os.NewSyscallError("epoll_ctl", err)
		}
		c.fd = int32(fd)
		return nil
	})
}

// Remove ends the watching of c; a Wait under way may still report it.
func (s *Set[T]) Remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members[c.fd].conn != c {
		return // it was not added; or it is closed, and another has its number
	}
	delete(s.members, c.fd)
	// Of a connection that is closed already the kernel has removed it.
	_ = s.control(c, func(epoll, fd int) error { return unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, fd, nil) })
}

// control calls f while neither of the two descriptors can be closed.
func (s *Set[T]) control(c *Conn, f func(epoll, fd int) error) error {
	var err error
	outer := s.raw.Control(func(epoll uintptr) {
		if inner := c.raw.Control(func(fd uintptr) { err = f(int(epoll), int(fd)) }); inner != nil {
			err = inner
		}
	})
	if outer != nil {
		return outer
	}
	return err
}

// Wait appends the connections that have got something to read since they were last reported, first come first, and
// waits for one if there is none and block says so. After Close it returns os.ErrClosed.
func (s *Set[T]) Wait(ready []Ready[T], block bool) ([]Ready[T], error) {
	var n int
	var errno syscall.Errno
	err := s.raw.Read(func(fd uintptr) (done bool) {
		n, errno = s.look(fd)
		return errno != 0 || n > 0 || !block
	})
	return s.report(ready, n, errno, err)
}

// Linger is Wait for what comes within d, some microseconds. It doesn't sleep, as to be woken takes long, but lets
// other processes that want to run have the processor meanwhile.
func (s *Set[T]) Linger(ready []Ready[T], d time.Duration) ([]Ready[T], error) {
	var n int
	var errno syscall.Errno
	until := time.Now().Add(d)
	err := s.raw.Control(func(fd uintptr) {
		for {
			if n, errno = s.look(fd); errno != 0 || n > 0 || time.Now().After(until) {
				return
			}
			_, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) // it never fails
		}
	})
	return s.report(ready, n, errno, err)
}

// look puts what is ready now into events. The scheduler isn't told of the call, which never blocks: see Conn.
func (s *Set[T]) look(fd uintptr) (n int, errno syscall.Errno) {
	for {
		r, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, fd,
			uintptr(unsafe.Pointer(unsafe.SliceData(s.events))), uintptr(len(s.events)), 0, 0, 0)
		if errno != syscall.EINTR {
			return int(r), errno
		}
	}
}

// report appends the first n of events; errno and err are how looking for them ended.
func (s *Set[T]) report(ready []Ready[T], n int, errno syscall.Errno, err error) ([]Ready[T], error) {
	switch {
	case err != nil:
		return ready, os.ErrClosed // nothing else ends the wait
	case errno != 0:
		return ready, fmt.Errorf("waiting for connections: %w", os.NewSyscallError("epoll_pwait", errno))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.events[:n] {
		e := &s.events[i]
		if m, ok := s.members[e.Fd]; ok {
			ready = append(ready, Ready[T]{m.of, e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0})
		}
	}
	return ready, nil
}

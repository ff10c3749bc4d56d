package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// wire carries the packets between hosts that were diverted to it: late, twice, out of order, or not at all. Each host
// has a tunnel device whose other end is here. (Kernels without the netem discipline can do this too, and it knows from
// whom to whom a packet goes.)
type wire struct {
	hosts *hosts
	ends  []*os.File

	mu    sync.Mutex // guards the rest
	rng   *rand.Rand
	rules map[way]rule
}

// way is a direction between two hosts.
type way struct{ from, to int }

// rule says what happens to the packets of one direction.
type rule struct {
	lost    float64 // share of the packets; 1 is a cut
	doubled float64
	delay   time.Duration
	jitter  time.Duration // added at random to each packet's delay, so that they overtake each other
}

var (
	silence = rule{lost: 1}
	slow    = rule{lost: 0.03, doubled: 0.02, delay: 10 * time.Millisecond, jitter: 10 * time.Millisecond}
)

// openWire gives each host its tunnel device.
func openWire(h *hosts, seed uint64) (*wire, error) {
	w := &wire{hosts: h, rng: rand.New(rand.NewPCG(seed, 1)), rules: map[way]rule{}}
	for i := range h.n {
		name := fmt.Sprintf("wire%d", i)
		end, err := openTunnel(name)
		if err != nil {
			w.close()
			return nil, fmt.Errorf("making the tunnel device %s: %w", name, err)
		}
		w.ends = append(w.ends, end)
		for _, c := range []string{
			fmt.Sprintf("link set %s netns %s", name, h.namespace(i)),
			fmt.Sprintf("-n %s link set %s up", h.namespace(i), name),
		} {
			if err := ip(c); err != nil {
				w.close()
				return nil, err
			}
		}
	}
	for i := range h.n {
		go w.carry(i)
	}
	return w, nil
}

// openTunnel makes a device that lasts as long as the file is open.
func openTunnel(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (closing: %v)", err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (w *wire) close() {
	for _, end := range w.ends {
		_ = end.Close() // the device goes with it
	}
}

// divert sends the packets of one direction through the wire.
func (w *wire) divert(d way, r rule) error {
	w.mu.Lock()
	w.rules[d] = r
	w.mu.Unlock()
	return ip(fmt.Sprintf("-n %s route replace %s/32 dev wire%d src %s", w.hosts.namespace(d.from), w.hosts.ip(d.to),
		d.from, w.hosts.ip(d.from)))
}

// restore ends a diversion.
func (w *wire) restore(d way) error {
	return ip(fmt.Sprintf("-n %s route del %s/32 dev wire%d", w.hosts.namespace(d.from), w.hosts.ip(d.to), d.from))
}

// Where an IPv4 packet says its version, and the last byte of its destination.
const (
	versionAt     = 0
	destinationAt = 19
	packetMax     = 65536
)

// carry takes the packets that host i sends until its device is gone.
func (w *wire) carry(i int) {
	buf := make([]byte, packetMax)
	for {
		n, err := w.ends[i].Read(buf)
		if err != nil {
			return
		}
		if n <= destinationAt || buf[versionAt]>>4 != 4 {
			continue
		}
		to := int(buf[destinationAt]) - 1
		if to < 0 || to >= len(w.ends) {
			continue
		}
		for _, after := range w.draw(way{i, to}) {
			packet := append([]byte(nil), buf[:n]...)
			time.AfterFunc(after, func() { _, _ = w.ends[to].Write(packet) }) // a packet that finds no device is lost
		}
	}
}

// draw says when copies of a packet arrive.
func (w *wire) draw(d way) (after []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rules[d]
	if w.rng.Float64() < r.lost {
		return nil
	}
	copies := 1
	if w.rng.Float64() < r.doubled {
		copies = 2
	}
	for range copies {
		after = append(after, r.delay+time.Duration(w.rng.Int64N(int64(r.jitter)+1)))
	}
	return after
}

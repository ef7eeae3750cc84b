// bench/store/etcd/load.go - the load generator of etcd: clients of its native gRPC client.
//
//	load ENDPOINT,ENDPOINT,... CONNECTIONS
//
// Takes the lines that bench/store/load.c takes and answers as that does. The connections are
// spread over the endpoints, and the clients over the connections; those of pace know all
// endpoints, so that they find the members that are left.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"go.etcd.io/etcd/clientv3"
)

const (
	valueSize = 100
	stampSize = 20
	timeout   = 10 * time.Second
	watchRest = 300 * time.Millisecond
)

type load struct {
	name    string
	clients []*clientv3.Client // one endpoint each
	all     *clientv3.Client   // of all endpoints
	filled  int
	keys    int64
}

type phase struct {
	load    *load
	kind    string
	count   int
	seconds float64
	file    string

	lock    sync.Mutex
	begin   int64
	end     int64
	done    int
	failed  int
	acked   int64
	gap     int64
	samples []uint32
}

// The clock that other processes read too: their stamps are compared with ours.
func now() int64 {
	var t syscall.Timespec
	const monotonic = 1
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, monotonic,
		uintptr(unsafe.Pointer(&t)), 0)
	if errno != 0 {
		panic(errno)
	}
	return t.Nano()
}

func microseconds(ns int64) uint32 {
	us := ns / 1000
	if us < 0 || us > int64(^uint32(0)) {
		return ^uint32(0)
	}
	return uint32(us)
}

func (p *phase) key(n int) string {
	switch p.kind {
	case "fill":
		return fmt.Sprintf("read/%08d", n)
	case "get", "local":
		return fmt.Sprintf("read/%08d", rand.Intn(p.load.filled))
	case "watch":
		return fmt.Sprintf("watch/%s/%012d", p.load.name, atomic.AddInt64(&p.load.keys, 1))
	}
	return fmt.Sprintf("put/%s/%012d", p.load.name, atomic.AddInt64(&p.load.keys, 1))
}

func (p *phase) note(began int64, err error) {
	at := now()
	p.lock.Lock()
	defer p.lock.Unlock()
	if err != nil {
		p.failed++
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.load.name, err)
		return
	}
	if at >= p.end && p.kind != "fill" {
		return
	}
	since := at - p.begin
	if p.acked != 0 {
		since = at - p.acked
	}
	if since > p.gap {
		p.gap = since
	}
	p.acked = at
	p.done++
	if p.kind != "watch" {
		p.samples = append(p.samples, microseconds(at-began))
	}
}

func (p *phase) request(c *clientv3.Client, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	key := p.key(n)
	began := now()
	var err error
	switch p.kind {
	case "get":
		_, err = c.Get(ctx, key)
	case "local":
		_, err = c.Get(ctx, key, clientv3.WithSerializable())
	default:
		value := fmt.Sprintf("%0*d%s", stampSize, began, strings.Repeat("v", valueSize-stampSize))
		_, err = c.Put(ctx, key, value)
	}
	p.note(began, err)
}

// Clients that ask again when they were answered.
func (p *phase) closed() {
	var group sync.WaitGroup
	for i := 0; i < p.count; i++ {
		group.Add(1)
		go func(c *clientv3.Client) {
			defer group.Done()
			for now() < p.end {
				p.request(c, 0)
			}
		}(p.load.clients[i%len(p.load.clients)])
	}
	group.Wait()
}

// Puts through c that begin at their time, whether those before were answered or not.
func (p *phase) paced(c *clientv3.Client) {
	var group sync.WaitGroup
	step := int64(time.Second)
	if p.count > 0 {
		step /= int64(p.count)
	}
	for n := int64(0); p.count > 0 && p.begin+n*step < p.end; n++ {
		if wait := p.begin + n*step - now(); wait > 0 {
			time.Sleep(time.Duration(wait))
		}
		group.Add(1)
		go func() {
			defer group.Done()
			p.request(c, 0)
		}()
	}
	group.Wait()
}

func (p *phase) fill() {
	var group sync.WaitGroup
	for i := 0; i < 64; i++ {
		group.Add(1)
		go func(from int) {
			defer group.Done()
			for n := from; n < p.count; n += 64 {
				p.request(p.load.clients[n%len(p.load.clients)], n)
			}
		}(i)
	}
	group.Wait()
	p.load.filled = p.count
}

// Notes how long after its beginning each put was told, until the phase has ended.
func (p *phase) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	last := p.load.clients[len(p.load.clients)-1] // another member than that of the first client
	begun := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for response := range last.Watch(ctx, "watch/", clientv3.WithPrefix(), clientv3.WithCreatedNotify()) {
			if response.Created {
				close(begun)
			}
			at := now()
			for _, event := range response.Events {
				stamp, err := strconv.ParseInt(string(event.Kv.Value[:stampSize]), 10, 64)
				if err == nil {
					p.lock.Lock()
					p.samples = append(p.samples, microseconds(at-stamp))
					p.lock.Unlock()
				}
			}
		}
	}()
	<-begun
	p.start()
	p.paced(p.load.clients[0])
	if rest := p.end - now(); rest > 0 {
		time.Sleep(time.Duration(rest)) // others may put
	}
	time.Sleep(watchRest)
	cancel()
	<-ended
}

func (p *phase) start() {
	p.begin = now()
	p.end = p.begin + int64(p.seconds*float64(time.Second))
}

func (p *phase) percentile(percent float64) uint32 {
	if len(p.samples) == 0 {
		return 0
	}
	at := int(float64(len(p.samples)) * percent / 100)
	if at >= len(p.samples) {
		at = len(p.samples) - 1
	}
	return p.samples[at]
}

func (p *phase) print() error {
	if p.kind == "fill" {
		p.seconds = float64(now()-p.begin) / float64(time.Second)
	} else if rest := p.end - p.acked; p.acked != 0 && rest > p.gap {
		p.gap = rest
	}
	if p.file != "-" {
		file, err := os.Create(p.file)
		if err != nil {
			return err
		}
		out := bufio.NewWriter(file)
		if err = binary.Write(out, binary.LittleEndian, p.samples); err == nil {
			err = out.Flush()
		}
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	sort.Slice(p.samples, func(a, b int) bool { return p.samples[a] < p.samples[b] })
	_, err := fmt.Printf("{\"kind\": %q, \"count\": %d, \"seconds\": %.3f, \"done\": %d, "+
		"\"failed\": %d, \"per_s\": %.1f, \"p50_us\": %d, \"p99_us\": %d, \"max_us\": %d, "+
		"\"gap_ms\": %.1f}\n", p.kind, p.count, p.seconds, p.done, p.failed,
		float64(p.done)/p.seconds, p.percentile(50), p.percentile(99), p.percentile(100),
		float64(p.gap)/1e6)
	return err
}

func (p *phase) run() error {
	p.start()
	switch p.kind {
	case "fill":
		p.fill()
	case "put", "get", "local":
		p.closed()
	case "pace":
		p.paced(p.load.all)
	case "watch":
		p.watch()
	default:
		return fmt.Errorf("what is %q?", p.kind)
	}
	return p.print()
}

func (l *load) obey(line string) error {
	p := &phase{load: l, file: "-"}
	words := strings.Fields(line)
	if len(words) != 4 && !(len(words) == 2 && words[0] == "fill") {
		return fmt.Errorf("what is %q?", line)
	}
	var err error
	p.kind = words[0]
	if p.count, err = strconv.Atoi(words[1]); err != nil {
		return err
	}
	if len(words) == 4 {
		if p.seconds, err = strconv.ParseFloat(words[2], 64); err != nil {
			return err
		}
		p.file = words[3]
	}
	return p.run()
}

func connect(endpoints []string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: 5 * time.Second})
}

func run(endpoints []string, connections int) error {
	l := &load{name: fmt.Sprintf("g%d", os.Getpid())}
	var err error
	if l.all, err = connect(endpoints); err != nil {
		return err
	}
	for i := 0; i < connections; i++ {
		at := i % len(endpoints)
		c, err := connect(endpoints[at : at+1])
		if err != nil {
			return err
		}
		l.clients = append(l.clients, c)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if _, err = l.all.Get(ctx, "ready"); err != nil {
		return err
	}
	fmt.Println("{\"ready\": true}")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := l.obey(lines.Text()); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	connections, err := 0, error(nil)
	if len(os.Args) == 3 {
		connections, err = strconv.Atoi(os.Args[2])
	}
	if err != nil || connections < 1 {
		fmt.Fprintf(os.Stderr, "usage: %s ENDPOINT,ENDPOINT,... CONNECTIONS\n", os.Args[0])
		os.Exit(2)
	}
	if err := run(strings.Split(os.Args[1], ","), connections); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		os.Exit(1)
	}
}

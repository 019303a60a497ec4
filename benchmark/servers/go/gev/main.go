// Echo of messages with gev, the one in Go, on one event loop.
package main

import (
	"flag"
	"fmt"
	"log"

	"gev-benchmark/framing"

	"github.com/Allenxuxu/gev"
	gevlog "github.com/Allenxuxu/gev/log"
	"github.com/Allenxuxu/ringbuffer"
)

// There is one event loop, so that memory may be used again: what is packed has been copied when the next call comes.
type protocol struct {
	framing framing.Framing
	joined  []byte
	packed  []byte
}

func (p *protocol) UnPacket(c *gev.Connection, buffer *ringbuffer.RingBuffer) (interface{}, []byte) {
	data, end := buffer.PeekAll()
	if len(data) == 0 {
		return nil, nil
	}
	if len(end) > 0 {
		p.joined = append(append(p.joined[:0], data...), end...)
		data = p.joined
	}
	message, taken, err := p.framing.Cut(data)
	if err != nil {
		buffer.RetrieveAll()
		_ = c.Close()
		return nil, nil
	}
	buffer.Retrieve(taken)
	return nil, message
}

func (p *protocol) Packet(_ *gev.Connection, message interface{}) []byte {
	p.packed = p.framing.Append(p.packed[:0], message.([]byte))
	return p.packed
}

type echo struct{}

func (echo) OnConnect(*gev.Connection) {}

func (echo) OnMessage(_ *gev.Connection, _ interface{}, message []byte) interface{} {
	return message
}

func (echo) OnClose(*gev.Connection) {}

func main() {
	name := flag.String("framing", "length-prefixed", "how messages are told apart")
	flag.Parse()
	chosen, err := framing.New(*name)
	if err != nil {
		log.Fatal(err)
	}
	port, err := framing.FreePort()
	if err != nil {
		log.Fatal(err)
	}
	gevlog.SetLevel(gevlog.LevelError)
	server, err := gev.NewServer(echo{},
		gev.Address(fmt.Sprintf("127.0.0.1:%d", port)),
		gev.NumLoops(1),
		gev.CustomProtocol(&protocol{framing: chosen}),
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening %d\n", port)
	server.Start()
}

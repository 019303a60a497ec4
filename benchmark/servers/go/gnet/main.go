// Echo with gnet, on one event loop: of plain TCP, or of messages with the flag -framing.
package main

import (
	"flag"
	"fmt"
	"log"

	"gev-benchmark/framing"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
)

type echo struct {
	gnet.BuiltinEventEngine
	port    int
	framing framing.Framing
	// What one read is answered with.
	out []byte
}

func (e *echo) OnBoot(gnet.Engine) gnet.Action {
	fmt.Printf("listening %d\n", e.port)
	return gnet.None
}

func (e *echo) OnTraffic(c gnet.Conn) gnet.Action {
	if e.framing != nil {
		return e.cut(c)
	}
	data, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(data); err != nil {
		return gnet.Close
	}
	return gnet.None
}

func (e *echo) cut(c gnet.Conn) gnet.Action {
	data, err := c.Peek(-1)
	if err != nil {
		return gnet.Close
	}
	e.out = e.out[:0]
	cut := 0
	for {
		message, taken, err := e.framing.Cut(data[cut:])
		if err != nil {
			return gnet.Close
		}
		if taken == 0 {
			break
		}
		cut += taken
		e.out = e.framing.Append(e.out, message)
	}
	if cut == 0 {
		return gnet.None
	}
	if _, err := c.Discard(cut); err != nil {
		return gnet.Close
	}
	if _, err := c.Write(e.out); err != nil {
		return gnet.Close
	}
	return gnet.None
}

func main() {
	name := flag.String("framing", "raw", "how messages are told apart")
	flag.Parse()
	chosen, err := framing.New(*name)
	if err != nil {
		log.Fatal(err)
	}
	port, err := framing.FreePort()
	if err != nil {
		log.Fatal(err)
	}
	address := fmt.Sprintf("tcp://127.0.0.1:%d", port)
	err = gnet.Run(&echo{port: port, framing: chosen}, address,
		gnet.WithNumEventLoop(1),
		gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithLogLevel(logging.ErrorLevel),
	)
	if err != nil {
		log.Fatal(err)
	}
}

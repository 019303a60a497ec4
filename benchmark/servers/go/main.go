// Echo of plain TCP with gnet, on one event loop.
package main

import (
	"fmt"
	"log"
	"net"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
)

type echo struct {
	gnet.BuiltinEventEngine
	port int
}

func (e *echo) OnBoot(gnet.Engine) gnet.Action {
	fmt.Printf("listening %d\n", e.port)
	return gnet.None
}

func (e *echo) OnTraffic(c gnet.Conn) gnet.Action {
	data, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(data); err != nil {
		return gnet.Close
	}
	return gnet.None
}

// A port that is free now: gnet does not tell the one that the system has chosen.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func main() {
	port, err := freePort()
	if err != nil {
		log.Fatal(err)
	}
	address := fmt.Sprintf("tcp://127.0.0.1:%d", port)
	err = gnet.Run(&echo{port: port}, address,
		gnet.WithNumEventLoop(1),
		gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithLogLevel(logging.ErrorLevel),
	)
	if err != nil {
		log.Fatal(err)
	}
}

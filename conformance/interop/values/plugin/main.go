// Sends messages as the protobuf plugin of the Go library gev packs them, and reads the echoes by the plugin's own protocol.
// Its argument is the port; it prints each check with its outcome.
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/Allenxuxu/gev/plugins/protobuf"
	"github.com/Allenxuxu/ringbuffer"
)

type message struct {
	name string
	data []byte
}

// What the plugin can unpack: one without a name and without data it waits for.
func messages() []message {
	var all []message
	for _, length := range []int{0, 1, 2, 250, 1000, 65_536, 500_000} {
		data := bytes.Repeat([]byte{byte(length), 0, 0xff}, length/3+1)[:length]
		all = append(all, message{"msg1", data}, message{"grüße", data})
	}
	all = append(all, message{"", []byte("no name")})
	return append(all, message{string(bytes.Repeat([]byte("n"), 65_535)), []byte("long name")})
}

func thousand() []message {
	all := make([]message, 1000)
	for index := range all {
		all[index] = message{fmt.Sprintf("msg%d", index), []byte(fmt.Sprint(index))}
	}
	return all
}

// Expects the echo of each message, in order, of what is sent by `write`.
func exchange(port string, all []message, write func(net.Conn, []byte) error) error {
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, 10*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	failed := make(chan error, 1)
	go func() {
		for _, one := range all {
			if err := write(conn, protobuf.PackMessage(one.name, one.data)); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	protocol := protobuf.New()
	received := ringbuffer.New(1024)
	chunk := make([]byte, 16*1024)
	for index := 0; index < len(all); {
		count, err := conn.Read(chunk)
		if err != nil {
			return err
		}
		_, _ = received.Write(chunk[:count])
		for index < len(all) {
			name, data := protocol.UnPacket(nil, received)
			if name == nil {
				break
			}
			if name != all[index].name || !bytes.Equal(data, all[index].data) {
				return fmt.Errorf("the echo of message %d is another one", index)
			}
			index++
		}
	}
	return <-failed
}

func whole(conn net.Conn, bytes []byte) error {
	_, err := conn.Write(bytes)
	return err
}

func each(conn net.Conn, bytes []byte) error {
	for index := range bytes {
		if _, err := conn.Write(bytes[index : index+1]); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	port := os.Args[1]
	report := func(check string, err error) {
		if err == nil {
			fmt.Println(check, "ok")
		} else {
			fmt.Println(check, err)
		}
	}
	report("lengths", exchange(port, messages(), whole))
	report("pipeline", exchange(port, thousand(), whole))
	report("bytes", exchange(port, thousand()[:50], each))
}

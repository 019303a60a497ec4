// The checks with gorilla/websocket, `gorilla URL`: a line `CHECK OUTCOME` for each.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const mib = 1024 * 1024

type check struct {
	name string
	run  func(url string) error
}

var checks = []check{
	{"text", text},
	{"binary", binary},
	{"large", large},
	{"fragments-sent", fragmentsSent},
	{"fragments-received", fragmentsReceived},
	{"deflate", deflate},
	{"deflate-dedicated", deflateDedicated},
	{"ping", ping},
	{"pong", pong},
	{"subprotocol", subprotocol},
	{"close-1000", clientCloses(1000, "")},
	{"close-4001", clientCloses(4001, "so long")},
	{"closed-1001", serverCloses(1001, "")},
	{"closed-4002", serverCloses(4002, "bye now")},
	{"unix", unix},
}

func main() {
	for _, check := range checks {
		outcome := "ok"
		if err := check.run(os.Args[1]); err != nil {
			outcome = err.Error()
		}
		fmt.Println(check.name, outcome)
	}
}

func text(url string) error {
	return echo(websocket.Dialer{}, url, "hello", "grüße, 世界 👋", "")
}

func binary(url string) error {
	return echo(websocket.Dialer{}, url, pattern(256), []byte{})
}

func large(url string) error {
	return echo(websocket.Dialer{}, url, pattern(mib), records(mib))
}

// A writer sends a frame whenever its buffer is full.
func fragmentsSent(url string) error {
	conn, err := dial(websocket.Dialer{WriteBufferSize: 16}, url)
	if err != nil {
		return err
	}
	defer conn.Close()
	message := strings.Repeat("fragmented 👋", 10)
	writer, err := conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	if _, err := writer.Write([]byte(message)); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return expect(conn, message)
}

func fragmentsReceived(url string) error {
	return talk(url, "!fragments frag mented 👋", "fragmented👋")
}

func deflate(url string) error {
	dialer := websocket.Dialer{EnableCompression: true}
	conn, response, err := dialer.Dial(url, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	agreed := response.Header.Get("Sec-WebSocket-Extensions")
	if !strings.HasPrefix(agreed, "permessage-deflate") {
		return errors.New("not negotiated")
	}
	// The first message of a kind has no history to refer to, the second has.
	for _, length := range []int{1024, 1024, mib, mib} {
		if err := echoOver(conn, records(length), pattern(length)); err != nil {
			return err
		}
	}
	return echoOver(conn, "short")
}

func deflateDedicated(url string) error {
	conn, err := dial(websocket.Dialer{}, url)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := send(conn, "!dedicated"); err != nil {
		return err
	}
	_, dedicated, err := conn.ReadMessage()
	if err != nil {
		return err
	}
	return deflate(string(dedicated))
}

// Pongs are seen while something else is read, so there has to be something else.
func ping(url string) error {
	conn, err := dial(websocket.Dialer{}, url)
	if err != nil {
		return err
	}
	defer conn.Close()
	var pong *string
	conn.SetPongHandler(func(data string) error {
		pong = &data
		return nil
	})
	err = conn.WriteControl(websocket.PingMessage, []byte("are you there"), soon())
	if err != nil {
		return err
	}
	for turn := 0; turn < 100 && pong == nil; turn++ {
		if err := echoOver(conn, "something else"); err != nil {
			return err
		}
	}
	if pong == nil {
		return errors.New("no pong")
	}
	return same(*pong, "are you there")
}

func pong(url string) error {
	return talk(url, "!ping you", "pong you")
}

func subprotocol(url string) error {
	offered := []string{"unknown", "echo.v1", "echo.v2"}
	conn, err := dial(websocket.Dialer{Subprotocols: offered}, url)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := same(conn.Subprotocol(), "echo.v1"); err != nil {
		return err
	}
	return ask(conn, "!protocol", "echo.v1")
}

func clientCloses(code int, reason string) func(string) error {
	return func(url string) error {
		conn, err := dial(websocket.Dialer{}, url)
		if err != nil {
			return err
		}
		if err := send(conn, fmt.Sprint("!tag ", code)); err != nil {
			return err
		}
		frame := websocket.FormatCloseMessage(code, reason)
		if err := conn.WriteControl(websocket.CloseMessage, frame, soon()); err != nil {
			return err
		}
		closed, err := readClose(conn)
		if err != nil {
			return err
		}
		if err := same(fmt.Sprint(closed.Code), fmt.Sprint(code)); err != nil {
			return err
		}
		return serverHasSeen(url, code, reason)
	}
}

func serverCloses(code int, reason string) func(string) error {
	return func(url string) error {
		conn, err := dial(websocket.Dialer{}, url)
		if err != nil {
			return err
		}
		for _, command := range []string{"!tag %d", "!close %d " + reason} {
			if err := send(conn, fmt.Sprintf(command, code)); err != nil {
				return err
			}
		}
		closed, err := readClose(conn)
		if err != nil {
			return err
		}
		seen := fmt.Sprint(closed.Code, " ", closed.Text)
		if err := same(seen, fmt.Sprint(code, " ", reason)); err != nil {
			return err
		}
		return serverHasSeen(url, code, reason)
	}
}

func unix(url string) error {
	conn, err := dial(websocket.Dialer{}, url)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := send(conn, "!path"); err != nil {
		return err
	}
	_, path, err := conn.ReadMessage()
	if err != nil {
		return err
	}
	toPath := func(_, _ string) (net.Conn, error) {
		return net.Dial("unix", string(path))
	}
	return echo(websocket.Dialer{NetDial: toPath}, "ws://localhost/", "hello", pattern(mib))
}

func serverHasSeen(url string, code int, reason string) error {
	return talk(url, fmt.Sprint("!closed ", code), fmt.Sprintf("%d clean %s", code, reason))
}

// talk asks over a connection of its own.
func talk(url, question, answer string) error {
	conn, err := dial(websocket.Dialer{}, url)
	if err != nil {
		return err
	}
	defer conn.Close()
	return ask(conn, question, answer)
}

func echo(dialer websocket.Dialer, url string, messages ...any) error {
	conn, err := dial(dialer, url)
	if err != nil {
		return err
	}
	defer conn.Close()
	return echoOver(conn, messages...)
}

// echoOver sends strings as text and bytes as binary, and awaits each before the next.
func echoOver(conn *websocket.Conn, messages ...any) error {
	for _, message := range messages {
		kind, data := websocket.TextMessage, []byte(nil)
		switch message := message.(type) {
		case string:
			data = []byte(message)
		case []byte:
			kind, data = websocket.BinaryMessage, message
		}
		if err := conn.WriteMessage(kind, data); err != nil {
			return err
		}
		gotKind, got, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		if gotKind != kind || !bytes.Equal(got, data) {
			return fmt.Errorf("type %d, %s, instead of type %d, %s", gotKind, shown(got), kind, shown(data))
		}
	}
	return nil
}

func ask(conn *websocket.Conn, question, answer string) error {
	if err := send(conn, question); err != nil {
		return err
	}
	return expect(conn, answer)
}

func send(conn *websocket.Conn, message string) error {
	return conn.WriteMessage(websocket.TextMessage, []byte(message))
}

func expect(conn *websocket.Conn, message string) error {
	kind, data, err := conn.ReadMessage()
	if err != nil {
		return err
	}
	if kind != websocket.TextMessage {
		return fmt.Errorf("type %d instead of text", kind)
	}
	return same(string(data), message)
}

// readClose awaits the close frame, before which no message may come, and ends the connection: the library has answered
// the frame by then.
func readClose(conn *websocket.Conn) (*websocket.CloseError, error) {
	defer conn.Close()
	_, data, err := conn.ReadMessage()
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		return closed, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s instead of a close", shown(data))
}

func dial(dialer websocket.Dialer, url string) (*websocket.Conn, error) {
	conn, _, err := dialer.Dial(url, nil)
	return conn, err
}

func soon() time.Time {
	return time.Now().Add(10 * time.Second)
}

func same(actual, expected string) error {
	if actual != expected {
		return fmt.Errorf("%s instead of %s", shown([]byte(actual)), shown([]byte(expected)))
	}
	return nil
}

func shown(data []byte) string {
	if len(data) <= 60 {
		return fmt.Sprintf("%q", data)
	}
	return fmt.Sprintf("%q... (%d)", data[:60], len(data))
}

func pattern(length int) []byte {
	bytes := make([]byte, length)
	for at := range bytes {
		bytes[at] = byte(at * 31)
	}
	return bytes
}

// records is JSON of at least so many bytes.
func records(length int) string {
	var text strings.Builder
	text.WriteString("[")
	for id := 0; text.Len() < length; id++ {
		fmt.Fprintf(&text, `{"id":%d,"name":"größe %d"},`, id, id)
	}
	text.WriteString("{}]")
	return text.String()
}

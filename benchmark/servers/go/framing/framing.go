// Package framing cuts messages out of bytes, for servers that send them back, and answers PING.
package framing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
)

// A Framing belongs to one event loop: what it returns is valid until its next call.
type Framing interface {
	// Cut returns the message at the beginning of the bytes, and how many of them it takes; none where it has not come as a whole.
	Cut(data []byte) (message []byte, taken int, err error)
	// Append writes the answer to a message.
	Append(out, message []byte) []byte
}

// ErrTooLong and ErrMalformed end a connection.
var (
	ErrTooLong   = errors.New("a message is too long")
	ErrMalformed = errors.New("a message is malformed")
)

// New returns the framing with this name, or nil for "raw".
func New(name string) (Framing, error) {
	switch name {
	case "raw":
		return nil, nil
	case "length-prefixed":
		return lengthPrefixed{}, nil
	case "lines":
		return lines{}, nil
	case "jt808":
		return &jt808{}, nil
	case "resp":
		return resp{}, nil
	}
	return nil, fmt.Errorf("there is no framing %s", name)
}

// FreePort returns a port that is free now: servers do not tell the one that the system has chosen.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

const maxBytes = 1024 * 1024

type lengthPrefixed struct{}

func (lengthPrefixed) Cut(data []byte) ([]byte, int, error) {
	if len(data) < 4 {
		return nil, 0, nil
	}
	length := int(binary.BigEndian.Uint32(data))
	if length > maxBytes {
		return nil, 0, ErrTooLong
	}
	if len(data) < 4+length {
		return nil, 0, nil
	}
	return data[4 : 4+length], 4 + length, nil
}

func (lengthPrefixed) Append(out, message []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(message)))
	return append(out, message...)
}

type lines struct{}

func (lines) Cut(data []byte) ([]byte, int, error) {
	end := bytes.IndexByte(data, '\n')
	if end == -1 {
		return nil, 0, tooLong(data)
	}
	return bytes.TrimSuffix(data[:end], []byte{'\r'}), end + 1, nil
}

func (lines) Append(out, line []byte) []byte {
	return append(append(out, line...), '\n')
}

const (
	flag   = 0x7e
	escape = 0x7d
)

type jt808 struct {
	message []byte
}

func (j *jt808) Cut(data []byte) ([]byte, int, error) {
	start := bytes.IndexByte(data, flag)
	if start == -1 {
		return nil, 0, tooLong(data)
	}
	end := bytes.IndexByte(data[start+1:], flag)
	// Two flags in a row end one frame and begin another.
	for end == 0 {
		start++
		end = bytes.IndexByte(data[start+1:], flag)
	}
	if end == -1 {
		return nil, 0, tooLong(data)
	}
	message, err := j.unescaped(data[start+1 : start+1+end])
	return message, start + 1 + end + 1, err
}

func (j *jt808) unescaped(frame []byte) ([]byte, error) {
	message := frame
	if bytes.IndexByte(frame, escape) != -1 {
		message = j.message[:0]
		for index := 0; index < len(frame); index++ {
			value := frame[index]
			if value == escape {
				index++
				if index == len(frame) {
					return nil, ErrMalformed
				}
				if frame[index] == 2 {
					value = flag
				}
			}
			message = append(message, value)
		}
		j.message = message
	}
	if checkOf(message) != 0 {
		return nil, ErrMalformed
	}
	return message[:len(message)-1], nil
}

func (j *jt808) Append(out, message []byte) []byte {
	out = append(out, flag)
	for _, value := range message {
		out = appendEscaped(out, value)
	}
	out = appendEscaped(out, checkOf(message))
	return append(out, flag)
}

func appendEscaped(out []byte, value byte) []byte {
	switch value {
	case flag:
		return append(out, escape, 2)
	case escape:
		return append(out, escape, 1)
	}
	return append(out, value)
}

func checkOf(message []byte) (check byte) {
	for _, value := range message {
		check ^= value
	}
	return check
}

// Commands of one word.
type resp struct{}

func (resp) Cut(data []byte) ([]byte, int, error) {
	count, at, err := number(data, 0, '*')
	if at == 0 || err != nil {
		return nil, 0, err
	}
	if count != 1 {
		return nil, 0, ErrMalformed
	}
	length, at, err := number(data, at, '$')
	if at == 0 || err != nil {
		return nil, 0, err
	}
	if len(data) < at+length+2 {
		return nil, 0, nil
	}
	return data[at : at+length], at + length + 2, nil
}

// The number of a line, and where the next one begins; 0 where it has not come as a whole.
func number(data []byte, at int, kind byte) (int, int, error) {
	line := data[at:]
	end := bytes.IndexByte(line, '\n')
	if end == -1 {
		return 0, 0, tooLong(line)
	}
	if end < 2 || line[0] != kind {
		return 0, 0, ErrMalformed
	}
	value := 0
	for _, digit := range line[1 : end-1] {
		if digit < '0' || digit > '9' || value > maxBytes {
			return 0, 0, ErrMalformed
		}
		value = 10*value + int(digit-'0')
	}
	return value, at + end + 1, nil
}

func (resp) Append(out, command []byte) []byte {
	if string(command) == "PING" {
		return append(out, "+PONG\r\n"...)
	}
	return append(out, "-ERR there is no such command\r\n"...)
}

func tooLong(data []byte) error {
	if len(data) > maxBytes {
		return ErrTooLong
	}
	return nil
}

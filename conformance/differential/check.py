"""Compares WebSocket servers with wsproto: `check.py SHARED DEDICATED SEQUENCES SEED`.

Random sequences of frames, good ones and bad ones, are cut at random places and
sent to a server, several connections at a time, and fed to the server side of
wsproto. Both have to deliver the same messages, answer the same pings and end
with the same close code. SHARED and DEDICATED are the ports of two servers at
127.0.0.1 that agree to permessage-deflate without and with context takeover. What
their handlers were told comes in on standard input: a line of JSON for each
connection, when it has ended. A failure is reproduced by its seed.

Where both are known to differ, and why ours is right:

- 1014, as a close code: wsproto takes it for reserved, but it has been
  registered with IANA (RFC 6455 sections 7.4.2 and 11.7).
- Ours fails at the first byte that shows a violation, wsproto when it has the
  whole header. So each sequence is followed by bytes that complete it.
- A control frame between the fragments of a compressed message, which RFC 6455
  section 5.4 allows, makes wsproto take the other fragments for uncompressed.
- A new message inside another is a violation (RFC 6455 section 5.4), yet wsproto
  inflates it first if one of them is compressed, and may fail with 1007 for that.
- Behind a block that says that it is the last one, which RFC 7692 section 7.2.3.4
  allows, wsproto inflates nothing more, and so finds nothing wrong there either.
"""

import base64
import json
import queue
import random
import socket
import struct
import sys
import threading
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.extensions import PerMessageDeflate

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, RSV1, MASK = 0x80, 0x40, 0x80

PLAIN, SHARED, DEDICATED = "plain", "shared", "dedicated"
"""What is agreed on: no compression, or compression without or with context takeover."""

CONNECTIONS = 8
"""How many sequences are sent at the same time."""

PATIENCE = 30
"""Seconds to wait for what must come."""

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


@dataclass
class Outcome:
    """What a server made of a sequence."""

    messages: list = field(default_factory=list)
    """Kinds and payloads."""
    pongs: list = field(default_factory=list)
    """Payloads."""
    code: int = 1006
    """The close code: the peer's, or that of the violation, or that of an end without either."""
    reason: str = ""
    """The text of the peer's close frame."""
    violation: str = field(default="", compare=False)
    """What was wrong, in the words of wsproto."""
    known: str = field(default="", compare=False)
    """What wsproto has done otherwise, as is known."""


# Sequences.


def frame(rng, byte0, payload, masked=True, form=0):
    """A frame; `form` is 0 for the shortest form of the length, or the number of its bytes."""
    length = len(payload)
    mask = MASK if masked else 0
    if form == 8 or (form == 0 and length > 0xFFFF):
        header = struct.pack("!BBQ", byte0, mask | 127, length)
    elif form == 2 or (form == 0 and length > 125):
        header = struct.pack("!BBH", byte0, mask | 126, length)
    else:
        header = struct.pack("!BB", byte0, mask | length)
    if not masked:
        return header + payload
    key = rng.randbytes(4)
    return header + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


def text(rng, length):
    """Text of about so many bytes, with characters of every length."""
    ranges = [(0x20, 0x7E), (0xA0, 0x7FF), (0x800, 0xD7FF), (0x10000, 0x10FFFF)]
    characters = []
    while length > 0:
        character = chr(rng.randint(*rng.choice(ranges)))
        characters.append(character)
        length -= len(character.encode())
    return "".join(characters).encode()


def size(rng):
    """Mostly small; sometimes at a border of the length forms, or larger than a part of a message."""
    choices = [rng.randint(0, 20), rng.randint(0, 300), rng.choice([125, 126, 127]), 65_536]
    weights = [60, 30, 9, 1]
    return rng.choices(choices, weights)[0] + rng.randint(0, 1)


def control(rng):
    return frame(rng, FIN | rng.choice([PING, PONG]), rng.randbytes(rng.choice([0, 4, 125])))


class Compressor:
    """Compresses messages, with their history if `mode` allows it."""

    def __init__(self, rng, mode):
        self.rng = rng
        self.mode = mode
        self.stream = None

    def compress(self, payload):
        if self.stream is None or self.mode is SHARED:
            level, strategy = self.rng.randint(0, 9), self.rng.randint(0, 4)
            self.stream = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
        packed = self.stream.compress(payload) + self.stream.flush(zlib.Z_SYNC_FLUSH)
        return packed[:-4]


def message(rng, compressor):
    """A message in one or more frames, with control frames between those."""
    is_text = rng.random() < 0.6
    payload = text(rng, size(rng)) if is_text else rng.randbytes(size(rng))
    if rng.random() < 0.3:
        payload *= 3
    if is_text and rng.random() < 0.05:
        payload = mutated(rng, payload)
    is_compressed = compressor.mode is not PLAIN and rng.random() < 0.7
    if is_compressed:
        payload = compressor.compress(payload)
    cuts = sorted(rng.randint(0, len(payload)) for _ in range(rng.choice([0, 0, 0, 1, 2, 5])))
    pieces = [payload[a:b] for a, b in zip([0, *cuts], [*cuts, len(payload)])]
    frames = []
    for index, piece in enumerate(pieces):
        opcode = CONTINUATION if index else TEXT if is_text else BINARY
        rsv1 = RSV1 if is_compressed and index == 0 else 0
        fin = FIN if index == len(pieces) - 1 else 0
        frames.append(frame(rng, fin | rsv1 | opcode, piece))
        while rng.random() < 0.2 and (fin or not is_compressed):
            frames.append(control(rng))
    return frames


def close(rng):
    """A close frame, which may be a bad one."""
    code = rng.choice([1000, 1001, 1005, 1006, 1011, 1014, 1015, 3000, 4999, rng.randint(0, 65535)])
    payload = struct.pack("!H", code) + text(rng, rng.choice([0, 5, 100]))
    return frame(rng, FIN | CLOSE, rng.choice([payload, payload, payload, b"", payload[:1], payload + b"\xff"]))


def bad_frame(rng):
    """A frame that breaks a rule of its own."""
    payload = rng.randbytes(rng.choice([0, 10, 130]))
    return rng.choice(
        [
            lambda: frame(rng, rng.randrange(256), payload),
            lambda: frame(rng, FIN | BINARY, payload, masked=False),
            lambda: frame(rng, FIN | BINARY, payload, form=2),
            lambda: frame(rng, FIN | BINARY, payload, form=8),
            lambda: frame(rng, FIN | PING, rng.randbytes(126)),
            lambda: frame(rng, PING, b""),
            lambda: struct.pack("!BBQ", FIN | BINARY, MASK | 127, rng.getrandbits(64)),
            lambda: close(rng),
        ]
    )()


def mutated(rng, data):
    """`data` with a bit flipped, a piece removed, or some bytes put in."""
    at = rng.randint(0, len(data))
    end = min(len(data), at + rng.randint(1, 4))
    return rng.choice(
        [
            lambda: data[:at] + bytes(b ^ (1 << rng.randrange(8)) for b in data[at:end]) + data[end:],
            lambda: data[:at] + data[end:],
            lambda: data[:at] + rng.randbytes(rng.randint(1, 4)) + data[at:],
        ]
    )()


def sequence(rng, mode):
    """Messages and control frames up to a close frame; with a flaw in every other one."""
    compressor = Compressor(rng, mode)
    frames = []
    for _ in range(rng.randint(0, 8)):
        frames.extend(message(rng, compressor) if rng.random() < 0.8 else [control(rng)])
    flaw = rng.random()
    if flaw < 0.25:
        frames.insert(rng.randint(0, len(frames)), bad_frame(rng))
    elif flaw < 0.35 and frames:
        frames.insert(rng.randint(0, len(frames)), rng.choice(frames))
    frames.append(close(rng) if rng.random() < 0.3 else frame(rng, FIN | CLOSE, struct.pack("!H", 1000)))
    data = b"".join(frames)
    if 0.35 <= flaw < 0.5:
        data = mutated(rng, data)
    # Completes a header of 14 bytes that has begun, with a byte of payload.
    return data + bytes(15)


def pieces_of(rng, data):
    """`data`, cut at a few places, or a short one into single bytes."""
    if len(data) < 1000 and rng.random() < 0.1:
        return [data[i : i + 1] for i in range(len(data))]
    cuts = sorted(rng.randint(0, len(data)) for _ in range(rng.randint(0, 12)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)]) if a < b]


# What wsproto makes of one.


class Deflate(PerMessageDeflate):
    """wsproto's extension, which notes in `known` what it does otherwise."""

    known = ""
    unfinished = False

    def frame_inbound_header(self, proto, opcode, rsv, payload_length):
        if self._inbound_compressed and opcode.iscontrol():
            self.known = "control frame inside"
        elif self.unfinished and opcode in (TEXT, BINARY) and (rsv.rsv1 or self._inbound_compressed):
            self.known = "message inside"
        return super().frame_inbound_header(proto, opcode, rsv, payload_length)

    def frame_inbound_payload_data(self, proto, data):
        return self.note_last_block(super().frame_inbound_payload_data, proto, data)

    def frame_inbound_complete(self, proto, fin):
        if self._inbound_is_compressible:
            self.unfinished = not fin
        return self.note_last_block(super().frame_inbound_complete, proto, fin)

    def note_last_block(self, function, *arguments):
        decompressor = self._decompressor
        result = function(*arguments)
        if decompressor is not None and decompressor.eof:
            self.known = "last block"
        return result


def judge(pieces, mode):
    extension = Deflate()
    if mode is not PLAIN:
        takeover = "; client_no_context_takeover; server_no_context_takeover"
        extension.accept("permessage-deflate" + (takeover if mode is SHARED else ""))
    connection = Connection(ConnectionType.SERVER, extensions=[extension])
    outcome = judge_frames(connection, pieces)
    return replace(outcome, known=extension.known)


def judge_frames(connection, pieces):
    outcome = Outcome()
    unfinished = []
    for piece in pieces:
        connection.receive_data(piece)
        for event in connection.events():
            if isinstance(event, (TextMessage, BytesMessage)):
                unfinished.append(event.data)
                if event.message_finished:
                    outcome.messages.append(joined(unfinished))
                    unfinished = []
            elif isinstance(event, Ping):
                outcome.pongs.append(bytes(event.payload))
            elif isinstance(event, CloseConnection):
                outcome.code = int(event.code)
                if connection.state is ConnectionState.REMOTE_CLOSING:
                    outcome.reason = event.reason or ""
                else:
                    outcome.violation = event.reason
                return outcome
    return outcome


def joined(parts):
    if isinstance(parts[0], str):
        return ("text", "".join(parts).encode())
    return ("binary", b"".join(parts))


# What the server makes of one.


class Client:
    """A connection to the server, and what comes back on it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ports = (port, self.socket.getsockname()[1])
        self.received = b""

    def read(self, count):
        while len(self.received) < count:
            if not self.receive():
                raise EOFError(f"{len(self.received)} of {count} bytes")
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def receive(self):
        more = self.socket.recv(65_536)
        self.received += more
        return more

    def read_head(self, mode):
        while b"\r\n\r\n" not in self.received:
            if not self.receive():
                raise EOFError("no head")
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        deflate, takeover = b"permessage-deflate" in head, b"_no_context" not in head
        agreed = (DEDICATED if takeover else SHARED) if deflate else PLAIN
        if not head.startswith(b"HTTP/1.1 101 ") or agreed is not mode:
            raise ValueError(head)

    def finish(self, expected, mode):
        """Reads what has to come, and closes. Returns the frames: first byte and payload of each."""
        self.read_head(mode)
        frames = []
        if expected.code == 1006:
            # The server waits for the rest of a frame: it has answered the pings, and does not close on its own.
            frames = [self.read_frame() for _ in expected.pongs]
            self.socket.shutdown(socket.SHUT_WR)
        while self.received or self.receive():
            frames.append(self.read_frame())
        self.socket.close()
        return frames

    def read_frame(self):
        byte0, length = self.read(2)
        return byte0, self.read(length)


def exchange(rng, ports, modes, sequences, expected):
    """Sends sequences on connections of their own, all at once, and returns the frames that came back, by the two ports."""
    clients = [Client(ports[mode]) for mode in modes]
    requests = [REQUEST + (b"" if mode is PLAIN else OFFER) + b"\r\n" for mode in modes]
    waiting = [[request, *pieces] for request, pieces in zip(requests, sequences)]
    if rng.random() < 0.5:
        # The first frames may come together with the request.
        waiting = [[request + first, *others] for request, first, *others in waiting]
    while any(waiting):
        index = rng.choice([i for i, pieces in enumerate(waiting) if pieces])
        clients[index].socket.sendall(waiting[index].pop(0))
    finished = zip(clients, expected, modes)
    return {client.ports: client.finish(outcome, mode) for client, outcome, mode in finished}


def observed(record, frames):
    """The outcome at the server: what its handler was told, and what it has sent."""
    code = record["code"]
    sent = [payload for byte0, payload in frames if byte0 == FIN | CLOSE]
    codes = [struct.unpack("!H", payload[:2])[0] if payload else 1005 for payload in sent]
    if codes != ([] if code == 1006 else [code]):
        raise ValueError(f"onClose was told {code}, and sent was {codes}")
    return Outcome(
        messages=[(kind, base64.b64decode(data)) for kind, data in record["messages"]],
        pongs=[payload for byte0, payload in frames if byte0 == FIN | PONG],
        code=code,
        reason=record["reason"] if record["cause"] == "peer" and code != 1006 else "",
    )


# Both.


def known_difference(ours, theirs):
    """What makes these differ, if it is known."""
    # Where the code is 1014 ours goes on to look at the text behind it.
    alike = replace(theirs, code=ours.code, reason=ours.reason) == ours
    unknown = theirs.violation == "CLOSE with unknown reserved code"
    return "1014" if alike and unknown and ours.code in (1014, 1007) else theirs.known


def lines_of(stream):
    """A queue of the lines of a stream, so that waiting for one has an end."""
    lines = queue.Queue()

    def read():
        for line in stream:
            lines.put(line)

    threading.Thread(target=read, daemon=True).start()
    return lines


def main(shared, dedicated, count, seed):
    print(f"differential: {count} sequences, seed {seed}", flush=True)
    rng = random.Random(seed)
    ports = {PLAIN: shared, SHARED: shared, DEDICATED: dedicated}
    lines = lines_of(sys.stdin)
    agreed, known, disagreed = Counter(), Counter(), 0
    while agreed.total() + known.total() + disagreed < count:
        modes = rng.choices([PLAIN, SHARED, DEDICATED], [2, 1, 1], k=CONNECTIONS)
        sequences = [pieces_of(rng, sequence(rng, mode)) for mode in modes]
        expected = [judge(pieces, mode) for pieces, mode in zip(sequences, modes)]
        frames = exchange(rng, ports, modes, sequences, expected)
        records = [json.loads(lines.get(timeout=PATIENCE)) for _ in sequences]
        records = {tuple(record["ports"]): record for record in records}
        for pieces, mode, theirs, ports_of_one in zip(sequences, modes, expected, frames):
            ours = observed(records[ports_of_one], frames[ports_of_one])
            if ours == theirs:
                agreed[mode] += 1
            elif difference := known_difference(ours, theirs):
                known[difference] += 1
            else:
                disagreed += 1
                print(f"{mode}: disagreement about {[piece.hex() for piece in pieces]}", file=sys.stderr)
                print(f"  server:  {ours}\n  wsproto: {theirs}", file=sys.stderr)
    print(f"differential: {agreed.total()} agreed: {dict(agreed)}")
    print(f"differential: {known.total()} differed as known: {dict(known)}")
    print(f"differential: {disagreed} disagreed (seed {seed})")
    return 0 if all(agreed[mode] for mode in ports) and disagreed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

"""Peers from PyPI: `python.py PORTS`, where PORTS is JSON with the port of the server for each peer, by `row/peer`.

Prints a line for each: `row/peer`, version and outcome, with tabs between them.
"""

import asyncio
import importlib.metadata
import json
import logging
import logging.handlers
import platform
import socket
import sys
import threading

TEXTS = [("abcdefghij" * 7000)[:length] for length in (0, 1, 2, 127, 128, 300, 16383, 16384, 70000)]
BINARIES = [
    bytes(n % 256 for n in range(length))
    for length in (1, 2, 253, 254, 255, 256, 510, 1000)
] + [bytes(300), b"\xc0\xdb\x7e\x7d" * 100]


def exchange(port, data):
    """Sends bytes, and gives what comes back up to the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        # What comes back has to be read meanwhile: nobody keeps all of it.
        sender = threading.Thread(target=lambda: (peer.sendall(data), peer.shutdown(socket.SHUT_WR)))
        sender.start()
        parts = []
        while part := peer.recv(65536):
            parts.append(part)
        sender.join()
        return b"".join(parts)


def same(found, expected):
    if found != expected:
        raise AssertionError(f"{str(found)[:200]} is not {str(expected)[:200]}")


def gelf(port):
    import pygelf

    handler = pygelf.GelfTcpHandler(host="127.0.0.1", port=port)
    logger = logging.Logger("gelf")
    logger.addHandler(handler)
    for text in TEXTS:
        logger.info("%s", text or "empty")
    handler.close()


def thrift(port):
    import io

    import thriftpy2
    from thriftpy2.rpc import make_client
    from thriftpy2.protocol import TBinaryProtocolFactory
    from thriftpy2.transport import TFramedTransportFactory

    service = thriftpy2.load_fp(io.StringIO("service Gev { void ping() }"), "gev_thrift")
    client = make_client(
        service.Gev,
        "127.0.0.1",
        port,
        proto_factory=TBinaryProtocolFactory(),
        trans_factory=TFramedTransportFactory(),
    )
    for _ in range(10):
        client.ping()
    client.close()


def netstring(port):
    import pynetstring

    data = [text.encode() for text in TEXTS]
    same(pynetstring.decode(exchange(port, b"".join(map(pynetstring.encode, data)))), data)


def mqtt(port):
    import paho.mqtt.client as paho

    for version in (paho.MQTTv311, paho.MQTTv5):
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=version)
        found, ready, done = [], threading.Event(), threading.Event()

        def heard(_client, _data, message):
            found.append(message.payload.decode())
            if len(found) == len(TEXTS):
                done.set()

        client.on_message = heard
        client.on_subscribe = lambda *_: ready.set()
        client.on_connect = lambda client, *_: client.subscribe("a/b")
        client.connect("127.0.0.1", port)
        client.loop_start()
        assert ready.wait(10), "no answer to subscribe"
        for text in TEXTS:
            client.publish("a/b", text)
        assert done.wait(10), f"{len(found)} messages came back"
        client.disconnect()
        client.loop_stop()
        same(found, TEXTS)


def registers(framer):
    def check(port):
        from pymodbus import FramerType
        from pymodbus.client import ModbusTcpClient

        client = ModbusTcpClient("127.0.0.1", port=port, framer=FramerType[framer], timeout=5)
        assert client.connect()
        for count in (1, 2, 60, 120):
            answer = client.read_holding_registers(107, count=count, device_id=17)
            same(answer.registers, [107 + n for n in range(count)])
            written = client.write_registers(1, [n * 500 for n in range(count)], device_id=17)
            same((written.address, written.count), (1, count))
            coils = client.write_coils(19, [n % 3 == 0 for n in range(count)], device_id=17)
            same((coils.address, coils.count), (19, count))
        client.close()

    return check


def mllp(port):
    import hl7
    from hl7.mllp import open_hl7_connection

    async def talk():
        reader, writer = await open_hl7_connection("127.0.0.1", port)
        for number, text in enumerate(TEXTS):
            writer.writemessage(hl7.parse(f"MSH|^~\\&|a|b|||20260101||ORU^R01|{number}|P|2.5\rOBX|1|TX|||{text}\r"))
            await writer.drain()
            answer = await reader.readmessage()
            same(str(answer.segment("MSA")(2)), str(number))
        writer.close()
        await writer.wait_closed()

    asyncio.run(talk())


def fix(port):
    import simplefix

    messages = []
    for version in ("FIX.4.0", "FIX.4.2", "FIX.4.4", "FIXT.1.1"):
        for number, text in enumerate(TEXTS[1:]):
            message = simplefix.FixMessage()
            message.append_pair(8, version, header=True)
            message.append_pair(35, "B", header=True)
            message.append_pair(34, number, header=True)
            message.append_pair(58, text)
            messages.append(message)
    parser = simplefix.FixParser()
    parser.append_buffer(exchange(port, b"".join(message.encode() for message in messages)))
    found = [parser.get_message() for _ in messages]
    same([message.encode() for message in found], [message.encode() for message in messages])
    same(parser.get_message(), None)


def minecraft(port):
    from mcstatus import JavaServer

    server = JavaServer("127.0.0.1", port, timeout=10)
    for _ in range(5):
        status = server.status()
        same((status.players.online, status.version.name), (3, "gev"))


def nmea(port):
    import pynmea2

    sentences = [
        pynmea2.GLL("GP", "GLL", ("5057.970", "N", "00146.110", "E", f"{142400 + n}", "A")) for n in range(50)
    ]
    answer = exchange(port, "".join(it.render(newline=True) for it in sentences).encode())
    found = [pynmea2.parse(line, check=True) for line in answer.decode().split("\r\n")[:-1]]
    same([str(it) for it in found], [str(it) for it in sentences])


def ais(port):
    import pyais

    positions = [{"type": 1, "mmsi": str(244000000 + n), "lat": 51.9 + n / 100, "lon": 4.1, "turn": 0} for n in range(50)]
    sentences = [line for it in positions for line in pyais.encode_dict(it, talker_id="AI")]
    answer = exchange(port, "".join(f"{line}\r\n" for line in sentences).encode())
    found = [pyais.decode(line) for line in answer.split(b"\r\n")[:-1]]
    same([it.mmsi for it in found], [int(it["mmsi"]) for it in positions])
    assert all(line.is_valid for line in map(pyais.messages.NMEASentenceFactory.produce, answer.split(b"\r\n")[:-1]))


def syslog(framing):
    def check(port):
        from rfc5424logging import Rfc5424SysLogHandler

        handler = Rfc5424SysLogHandler(
            address=("127.0.0.1", port), socktype=socket.SOCK_STREAM, framing=framing, utc_timestamp=True
        )
        log(handler)

    return check


def stdlib_syslog(port):
    log(logging.handlers.SysLogHandler(address=("127.0.0.1", port), socktype=socket.SOCK_STREAM))


def log(handler):
    logger = logging.Logger("syslog")
    logger.addHandler(handler)
    for text in TEXTS[:7]:
        logger.warning("%s", text or "empty")
    handler.close()


def slip(port):
    import sliplib

    driver, found = sliplib.Driver(), []
    driver.receive(exchange(port, b"".join(map(driver.send, BINARIES))))
    while len(found) < len(BINARIES):
        found.append(driver.get(block=False))
    same(found, BINARIES)


def hdlc(port):
    from yahdlc import FRAME_DATA, frame_data, get_data

    # Longer ones are more than its buffers hold.
    data = [packet[:100] for packet in BINARIES]
    answer = exchange(port, b"".join(frame_data(packet, FRAME_DATA, 1) for packet in data))
    found = []
    for packet in answer.split(b"\x7e"):
        if packet:
            found.append(bytes(get_data(b"\x7e" + packet + b"\x7e")[0]))
    same(found, data)


def stuffed(port):
    from cobs import cobs

    answer = exchange(port, b"".join(cobs.encode(packet) + b"\0" for packet in BINARIES))
    same([cobs.decode(packet) for packet in answer.split(b"\0")[:-1]], BINARIES)


def dns(port):
    import dns.message
    import dns.query

    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        for number in range(20):
            query = dns.message.make_query(f"{'a' * (number + 1)}.example", "TXT")
            answer = dns.query.tcp(query, "127.0.0.1", port=port, sock=peer, timeout=10)
            same((answer.id, answer.question), (query.id, query.question))


def ldap(port):
    import ldap3

    for text in TEXTS[1:7]:
        server = ldap3.Server("127.0.0.1", port=port, get_info=ldap3.NONE)
        connection = ldap3.Connection(server, user=f"cn={text}", password="a")
        assert connection.bind(), connection.result
        connection.unbind()


PEERS = {
    "GELF/pygelf": gelf,
    "Thrift, framed/thriftpy2": thrift,
    "netstring/pynetstring": netstring,
    "MQTT/paho-mqtt": mqtt,
    "Modbus TCP/pymodbus": registers("SOCKET"),
    "Modbus RTU over TCP/pymodbus": registers("RTU"),
    "HL7 MLLP/hl7": mllp,
    "FIX/simplefix": fix,
    "Minecraft/mcstatus": minecraft,
    "NMEA/pynmea2": nmea,
    "NMEA, AIS/pyais": ais,
    "syslog over TCP, octet counting/rfc5424-logging-handler": syslog(1),
    "syslog over TCP, lines/rfc5424-logging-handler": syslog(2),
    "syslog over TCP, lines/its own logging.handlers": stdlib_syslog,
    "SLIP/sliplib": slip,
    "HDLC-like framing/yahdlc": hdlc,
    "COBS/cobs": stuffed,
    "DNS over TCP/dnspython": dns,
    "LDAP/ldap3": ldap,
}


def version_of(name):
    if name == "its own logging.handlers":
        return platform.python_version()
    return importlib.metadata.version("python4yahdlc" if name == "yahdlc" else name)


for key, port in json.loads(sys.argv[1]).items():
    try:
        PEERS[key](port)
        outcome = "ok"
    except Exception as error:  # noqa: BLE001, whatever it is, it is the outcome
        outcome = f"{type(error).__name__}: {error}".split("\n")[0]
    print(key, version_of(key.split("/")[-1]), outcome, sep="\t", flush=True)

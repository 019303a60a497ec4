"""The checks with Python's `aiohttp`: `python_aiohttp.py URL`."""

from contextlib import asynccontextmanager

from aiohttp import ClientSession, UnixConnector, WSMsgType
from python_checks import MIB, TEXTS, compressible, pattern, records, run, same


@asynccontextmanager
async def connect(url, connector=None, **options):
    async with ClientSession(connector=connector) as session:
        async with session.ws_connect(url, max_msg_size=0, **options) as socket:
            yield socket


async def ask(socket, message):
    if isinstance(message, str):
        await socket.send_str(message)
        return await socket.receive_str()
    await socket.send_bytes(message)
    return await socket.receive_bytes()


async def text(url):
    async with connect(url) as socket:
        for message in TEXTS:
            same(await ask(socket, message), message)
    return "ok"


async def binary(url):
    async with connect(url) as socket:
        for message in [pattern(256), b""]:
            same(await ask(socket, message), message)
    return "ok"


async def large(url):
    async with connect(url) as socket:
        for message in [pattern(MIB), records(MIB)]:
            same(await ask(socket, message), message)
    return "ok"


async def fragments_sent(_url):
    # Every frame that it sends is a message of its own.
    return "-"


async def fragments_received(url):
    async with connect(url) as socket:
        same(await ask(socket, "!fragments frag mented 👋"), "fragmented👋")
    return "ok"


async def deflate(url):
    async with connect(url, compress=15) as socket:
        # 0 when the server has not agreed.
        if socket.compress == 0:
            return "not negotiated"
        for message in compressible():
            same(await ask(socket, message), message)
    return "ok"


async def deflate_dedicated(url):
    async with connect(url) as socket:
        dedicated_url = await ask(socket, "!dedicated")
    return await deflate(dedicated_url)


async def ping(url):
    async with connect(url, autoping=False) as socket:
        await socket.ping(b"are you there")
        pong = await socket.receive()
        same((pong.type, pong.data), (WSMsgType.PONG, b"are you there"))
    return "ok"


async def pong(url):
    async with connect(url) as socket:
        same(await ask(socket, "!ping you"), "pong you")
    return "ok"


async def subprotocol(url):
    offered = ("unknown", "echo.v1", "echo.v2")
    async with connect(url, protocols=offered) as socket:
        same(socket.protocol, "echo.v1")
        same(await ask(socket, "!protocol"), "echo.v1")
    return "ok"


def client_closes(code, reason):
    async def check(url):
        async with connect(url) as socket:
            await socket.send_str(f"!tag {code}")
            await socket.close(code=code, message=reason.encode())
            same(socket.close_code, code)
        return await server_has_seen(url, code, reason)

    return check


def server_closes(code, reason):
    async def check(url):
        async with connect(url) as socket:
            await socket.send_str(f"!tag {code}")
            await socket.send_str(f"!close {code} {reason}")
            close = await socket.receive()
            same(
                (close.type, close.data, close.extra),
                (WSMsgType.CLOSE, code, reason),
            )
        return await server_has_seen(url, code, reason)

    return check


async def unix(url):
    async with connect(url) as socket:
        path = await ask(socket, "!path")
    async with connect("ws://localhost", UnixConnector(path)) as socket:
        for message in ["hello", pattern(MIB)]:
            same(await ask(socket, message), message)
    return "ok"


async def server_has_seen(url, code, reason):
    async with connect(url) as socket:
        same(await ask(socket, f"!closed {code}"), f"{code} clean {reason}")
    return "ok"


run(
    {
        "text": text,
        "binary": binary,
        "large": large,
        "fragments-sent": fragments_sent,
        "fragments-received": fragments_received,
        "deflate": deflate,
        "deflate-dedicated": deflate_dedicated,
        "ping": ping,
        "pong": pong,
        "subprotocol": subprotocol,
        "close-1000": client_closes(1000, ""),
        "close-4001": client_closes(4001, "so long"),
        "closed-1001": server_closes(1001, ""),
        "closed-4002": server_closes(4002, "bye now"),
        "unix": unix,
    }
)

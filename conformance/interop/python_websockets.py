"""The checks with Python's `websockets`: `python_websockets.py URL`."""

from python_checks import MIB, TEXTS, compressible, pattern, records, run, same
from websockets.asyncio.client import connect as connect_with
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed


def connect(url, compression=None, **options):
    return connect_with(
        url, compression=compression, max_size=None, proxy=None, **options
    )


async def ask(socket, message):
    await socket.send(message)
    return await socket.recv()


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


async def fragments_sent(url):
    async with connect(url) as socket:
        await socket.send(["frag", "", "mented ", "👋"])
        same(await socket.recv(), "fragmented 👋")
    return "ok"


async def fragments_received(url):
    async with connect(url) as socket:
        await socket.send("!fragments frag mented 👋")
        pieces = [piece async for piece in socket.recv_streaming()]
        same(pieces, ["frag", "mented", "👋"])
    return "ok"


async def deflate(url):
    async with connect(url, compression="deflate") as socket:
        agreed = [extension.name for extension in socket.protocol.extensions]
        if agreed != ["permessage-deflate"]:
            return "not negotiated"
        for message in compressible():
            same(await ask(socket, message), message)
    return "ok"


async def deflate_dedicated(url):
    async with connect(url) as socket:
        dedicated_url = await ask(socket, "!dedicated")
    return await deflate(dedicated_url)


async def ping(url):
    async with connect(url) as socket:
        # Fulfilled by the pong that has the ping's data.
        await (await socket.ping("are you there"))
    return "ok"


async def pong(url):
    async with connect(url) as socket:
        same(await ask(socket, "!ping you"), "pong you")
    return "ok"


async def subprotocol(url):
    offered = ["unknown", "echo.v1", "echo.v2"]
    async with connect(url, subprotocols=offered) as socket:
        same(socket.subprotocol, "echo.v1")
        same(await ask(socket, "!protocol"), "echo.v1")
    return "ok"


def client_closes(code, reason):
    async def check(url):
        async with connect(url) as socket:
            await socket.send(f"!tag {code}")
            await socket.close(code, reason)
            same(socket.close_code, code)
        return await server_has_seen(url, code, reason)

    return check


def server_closes(code, reason):
    async def check(url):
        async with connect(url) as socket:
            await socket.send(f"!tag {code}")
            try:
                return await ask(socket, f"!close {code} {reason}")
            except ConnectionClosed as closed:
                same((closed.rcvd.code, closed.rcvd.reason), (code, reason))
        return await server_has_seen(url, code, reason)

    return check


async def unix(url):
    async with connect(url) as socket:
        path = await ask(socket, "!path")
    async with unix_connect(path, max_size=None) as socket:
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

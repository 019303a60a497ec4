"""What the checks of both Python clients have in common."""

import asyncio
import sys

MIB = 1024 * 1024
LIMIT_SECONDS = 10
TEXTS = ["hello", "grüße, 世界 👋", ""]


def run(checks):
    """Runs coroutine functions of the URL by the names of their checks; prints a line `CHECK OUTCOME` for each."""
    asyncio.run(_run(checks, sys.argv[1]))


async def _run(checks, url):
    for name, check in checks.items():
        try:
            outcome = await asyncio.wait_for(check(url), LIMIT_SECONDS)
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        print(name, outcome, flush=True)


def same(actual, expected):
    if actual != expected:
        raise ValueError(f"{_shown(actual)} instead of {_shown(expected)}")


def _shown(value):
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}... ({len(value)})"


def pattern(length):
    return bytes(at * 31 % 256 for at in range(length))


def records(length):
    """JSON of at least so many characters."""
    parts = ["["]
    size = 1
    while size < length:
        record = f'{{"id":{len(parts)},"name":"größe {len(parts)}"}},'
        parts.append(record)
        size += len(record)
    return "".join(parts) + "{}]"


def compressible():
    """Messages for a connection that compresses, each twice: the first has no history to refer to, the second has."""
    for length in [1024, 1024, MIB, MIB]:
        yield records(length)
        yield pattern(length)
    yield "short"

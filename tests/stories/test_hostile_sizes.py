"""However large an answer is, it takes no more memory than a few of the largest."""

import functools
import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from segmind_swap import ConnectionFailedError, SubmissionUnknownError, SwapClient, SwapError, SwapJob
from segmind_swap._config import WORKFLOW
from segmind_swap._http.content_encoding import decoded

from ..support.hostility import run
from ..support.scripted_service import PICTURES, PNG, Scripted, Step, client, poll_url
from ..support.sessions import Chunks, Wire

MIB = 1024 * 1024


def _repeated(begin: bytes, part: bytes, end: bytes, size: int = 16 * MIB - 100) -> bytes:
    return begin + part * ((size - len(begin) - len(end)) // len(part)) + end


@functools.cache
def _gzip_bomb() -> bytes:
    """256 MiB of zeros, made in pieces: no test should need what it forbids."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(MIB)
    return b"".join([*(squeeze.compress(piece) for _ in range(256)), squeeze.flush()])


BOMBS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "a gzip bomb": lambda: ("gzip", _gzip_bomb()),
    "a gzip bomb in a gzip bomb": lambda: ("gzip, gzip", gzip.compress(_gzip_bomb())),
    "a deflate bomb": lambda: ("deflate", zlib.compress(bytes(64 * MIB), 9)),
    "brotli, which nobody asked for": lambda: ("br", bytes(15 * MIB)),
    "a thousand layers": lambda: (", ".join(["gzip"] * 1000), gzip.compress(b"{}")),
    "five million empty objects": lambda: ("gzip", gzip.compress(_repeated(b"[{}", b",{}", b"]"), 1)),
    "five million objects as the output": lambda: (
        "gzip",
        gzip.compress(_repeated(b'{"status":"COMPLETED","output":[{}', b",{}", b"]}"), 1),
    ),
    "five million lists in a text": lambda: (
        "gzip",
        gzip.compress(_repeated(b'{"status":"COMPLETED","output":"[[]', b",[]", b']"}'), 1),
    ),
    "five million reasons": lambda: (
        "gzip",
        gzip.compress(_repeated(b'{"status":"FAILED","error":["a"', b',"b"', b"]}"), 1),
    ),
    "a million names": lambda: (
        "gzip",
        gzip.compress(b"{" + b",".join(b'"%x":[]' % n for n in range(1_200_000)) + b"}", 1),
    ),
    "the deepest nesting": lambda: ("gzip", gzip.compress(b"[" * (16 * MIB - 100), 1)),
    "one long text": lambda: (
        "gzip",
        gzip.compress(_repeated(b'{"status":"FAILED","error":"', b"<a>", b'"}'), 1),
    ),
    "one long address": lambda: (
        "gzip",
        gzip.compress(_repeated(b'{"poll_url":"https://evil.example/', b"a", b'"}'), 1),
    ),
    "one long number": lambda: ("gzip", gzip.compress(_repeated(b'{"status":', b"9", b"}"), 1)),
    "nothing but backslashes": lambda: ("gzip", gzip.compress(b"\\" * (16 * MIB - 100), 1)),
}
MOST_BYTES = 80 * MIB
"""Five times the largest answer that is read at all: as it came, decoded, without the key, and as text."""


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_answer_takes_more_memory_than_a_few_of_the_largest(bomb: str) -> None:
    encoding, body = BOMBS[bomb]()
    ended: dict[str, type[SwapError] | None] = {}

    async def main() -> None:
        for call, code in (
            ("submit", 400),
            ("submit", 200),
            ("poll", 200),
            ("upload", 200),
            ("credits", 200),
        ):
            step = Step(status=code, body=body, headers={"content-encoding": encoding})
            async with client(Scripted(**{call: step}), timeout=1.0) as segmind:
                try:
                    await _made(segmind, call)
                    ended[call] = None
                except SwapError as exc:
                    assert len(str(exc)) < 1000
                    ended[call] = type(exc)

    tracemalloc.start()
    try:
        run("asyncio", main)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES, f"{peak / MIB:.0f} MiB"
    assert ended.pop("submit") is SubmissionUnknownError
    # A poll alone may find something to read: it says that the job runs, or has failed.
    assert None not in (ended["upload"], ended["credits"])


async def _made(segmind: SwapClient, call: str) -> None:
    match call:
        case "submit":
            await segmind.submit(**PICTURES)
        case "poll":
            job = SwapJob(poll_url=poll_url(), workflow=WORKFLOW, submitted_at=datetime.now(UTC))
            await segmind.status(job)
        case "upload":
            await segmind.upload(PNG)
        case _:
            await segmind.credits()


@pytest.mark.parametrize("call", ["submit", "poll", "upload", "credits"])
def test_an_endless_answer_ends_and_takes_no_more_memory_than_a_few_of_the_largest(call: str) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for _ in request.stream:
            pass
        return httpx.Response(200, stream=Chunks(b'{"status":"QUEUED",' * 4096, endless=True))

    async def main() -> None:
        async with client(Wire(answer), timeout=1.0) as segmind:
            expected = SubmissionUnknownError if call == "submit" else ConnectionFailedError
            with pytest.raises(expected, match="larger than 16 MiB"):
                await _made(segmind, call)

    tracemalloc.start()
    try:
        run("asyncio", main)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES, f"{peak / MIB:.0f} MiB"


def test_a_body_is_unpacked_a_few_times_at_most() -> None:
    # Each layer of a body that stays large may take as long as the largest answer does.
    body = b"{}"
    for _ in range(5):
        body = gzip.compress(body)
    with pytest.raises(ValueError, match="5 times over"):
        decoded(body, ",".join(["gzip"] * 5), limit_bytes=1000)
    assert decoded(gzip.decompress(body), ",identity,".join(["gzip"] * 4), limit_bytes=1000) == b"{}"

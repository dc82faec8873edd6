"""A service that answers each kind of call from a script, in memory and in virtual time."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import httpx

from segmind_swap import SwapClient, SwapError
from segmind_swap._models import Call

KEY = "sk-canary-0123456789"
REFERENCE = "https://pictures.example/hero.png"
SCENE = "https://pictures.example/street.jpg"
PICTURES: dict[str, Any] = {"reference_character_image": REFERENCE, "character_image": SCENE}
RESULT = "https://images.segmind.com/generations/a1.png"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c636060606000000005000186a0c5d50000000049454e44ae426082"
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One scripted answer, or the lack of one.

    `reads` is how much of the request's body the server takes first, `error` what the transport then raises
    instead of answering, `cut` whether the answer breaks off after its head.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    reads: str = "all"
    error: BaseException | None = None
    cut: bool = False

    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


def poll_url(number: int = 1) -> str:
    return f"https://api.segmind.com/workflows/request/{number}"


def accepted(number: int = 1, **more: Any) -> Step:
    return Step(body={"poll_url": poll_url(number), "request_id": str(number), "status": "QUEUED", **more})


def says(status: int, reason: str = "", **headers: str) -> Step:
    body = {"error": reason} if reason else "<html><h1>Gateway</h1></html>"
    return Step(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def raises(error: BaseException, *, reads: str = "all", delay: float = 0.0) -> Step:
    return Step(error=error, reads=reads, delay=delay)


def late(step: Step, delay: float) -> Step:
    return replace(step, delay=delay)


QUEUED = Step(body={"status": "QUEUED"})
PROCESSING = Step(body={"status": "PROCESSING", "output": ""})
DONE = Step(
    body={
        "status": "COMPLETED",
        "output": json.dumps([{"keyname": "picture", "value": {"data": RESULT, "type": "image"}}]),
    }
)
FAILED = Step(body={"status": "FAILED", "error": "No character found"})


@dataclass(frozen=True)
class Seen:
    """A request that reached the service, and when (on the loop's clock)."""

    call: Call
    at: float
    request: httpx.Request
    body: bytes


class Scripted(httpx.AsyncBaseTransport):
    """Each kind of call takes its answers in order; the last one is given again and again."""

    def __init__(self, **steps: Sequence[Step] | Step) -> None:
        self.steps: dict[str, list[Step]] = {
            "submit": [accepted()],
            "poll": [DONE],
            "upload": [Step(body={"file_urls": ["https://images.segmind.com/assets/u1.png"]})],
            "credits": [Step(body={"credits": 9.8478, "free-credits": 0.0184921035})],
            "download": [Step(body=PNG)],
        }
        for call, script in steps.items():
            self.steps[call] = [script] if isinstance(script, Step) else list(script)
        self.seen: list[Seen] = []
        self.closed = 0

    def count(self, call: str) -> int:
        return sum(seen.call == call for seen in self.seen)

    def times(self, call: str) -> list[float]:
        return [seen.at for seen in self.seen if seen.call == call]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = _kind(request)
        script = self.steps[call]
        step = script.pop(0) if len(script) > 1 else script[0]
        body = b""
        if step.reads != "nothing":
            assert isinstance(request.stream, httpx.AsyncByteStream)
            async for chunk in request.stream:
                body += chunk
                if step.reads == "all but the last byte":
                    break
        self.seen.append(Seen(call, anyio.current_time(), request, body))
        await anyio.sleep(step.delay)
        if step.error is not None:
            raise step.error
        headers = {"content-type": "application/json", **step.headers}
        return httpx.Response(step.status, headers=headers, stream=_Stream(step))

    async def aclose(self) -> None:
        self.closed += 1


class _Stream(httpx.AsyncByteStream):
    def __init__(self, step: Step) -> None:
        self._step = step

    async def __aiter__(self) -> Any:
        content = self._step.content()
        if self._step.cut:
            yield content[: len(content) // 2]
            raise ConnectionResetError("cut in the middle of the answer")
        yield content


def _kind(request: httpx.Request) -> Call:
    path = request.url.path
    if path.endswith("/upload-asset"):
        return Call.UPLOAD
    if path.endswith("/get-user-credits"):
        return Call.CREDITS
    if request.method == "POST":
        return Call.SUBMIT
    return Call.DOWNLOAD if request.url.host.startswith("images.") else Call.POLL


def client(service: httpx.AsyncBaseTransport, **settings: Any) -> SwapClient:
    """A client of the scripted service, with its scheme pinned unless the test is about that."""
    return SwapClient(KEY, transport=service, **{"auth": "bearer", **settings})


def recorded(events: list[Any]) -> Callable[[Any], None]:
    return events.append


async def ending(service: Scripted, **settings: Any) -> SwapError | str:
    """What a submit ended in: the request id of its job, or the error."""
    async with client(service, **settings) as swaps:
        try:
            job = await swaps.submit(**PICTURES)
        except SwapError as error:
            return error
        return job.request_id or ""

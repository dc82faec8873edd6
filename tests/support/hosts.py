"""A picture's host that answers from a list, and a result whose picture is there."""

from pathlib import Path
from typing import Any

import httpx

from segmind_swap._config import WORKFLOW
from segmind_swap._models import SwapJob, SwapOutput, SwapResult
from segmind_swap._swap.session import Session

from .sessions import PICTURE_URL, Wire, png, session_of

JOB = SwapJob(poll_url="https://api.segmind.com/requests/1", request_id="1", workflow=WORKFLOW)
Reply = int | bytes | str | Exception


class Host:
    """A picture's host: answers with each of a list in turn, the last one for good. A string redirects."""

    def __init__(self, *replies: Reply) -> None:
        self.requests: list[httpx.Request] = []
        self._replies = list(replies) or [png()]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        match reply:
            case Exception():
                raise reply
            case bytes():
                return httpx.Response(200, content=reply)
            case str():
                return httpx.Response(302, headers={"location": reply})
            case _:
                return httpx.Response(reply)

    @property
    def urls(self) -> list[str]:
        return [str(request.url) for request in self.requests]


def session_with(host: Host, **settings: Any) -> Session:
    return session_of(Wire(host), **settings)


def result_at(url: str = PICTURE_URL) -> SwapResult:
    outputs = (SwapOutput(name="image", type="image", data=url),)
    return SwapResult(job=JOB, url=url, outputs=outputs, seconds=71.89)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())

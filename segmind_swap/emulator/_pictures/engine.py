"""What an engine is: the function that makes a job's picture, its inputs, and how it refuses."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An input of a job: its URL and, where the emulator hosts it, its bytes (JPEG, PNG or WebP)."""

    url: str
    data: bytes | None


class Engine(Protocol):
    """Makes the picture a job returns.

    Called by the first poll after a job's time is up, one job at a time: meanwhile the others stay
    PROCESSING. Called again should the picture have left the cache when it is downloaded. It runs on the
    server's event loop, so heavy work belongs in a thread.

    Returns PNG bytes. Raises `SwapImpossible` to let the job end FAILED. If an engine has a ``label``, the
    last poll of a job whose pictures were uploaded here carries it as ``engine``.
    """

    async def __call__(self, *, reference: Picture, scene: Picture) -> bytes: ...


class SwapImpossible(Exception):  # noqa: N818 -- it is an outcome of a job, not a mistake of the program
    """The job ends FAILED; the exception's text is the reason that the poll answers."""

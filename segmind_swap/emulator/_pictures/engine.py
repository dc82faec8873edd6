"""The interface of an engine: the function that makes a job's picture, its inputs, and its error."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An input of a job: its URL and its bytes (JPEG, PNG or WebP). ``data`` is None if not hosted here."""

    url: str
    data: bytes | None


class Engine(Protocol):
    """Makes the picture that a job returns.

    The engine is called by the first poll after a job's time is up, for one job at a time. Meanwhile the
    other jobs stay PROCESSING. The engine is called again if the picture was dropped from the cache before
    its download. The engine runs on the server's event loop, so heavy work belongs in a thread.

    Returns PNG bytes. Raises `SwapImpossible` to end the job as FAILED. If an engine has an attribute
    ``label``, the last poll of a job whose pictures were uploaded here carries the label as ``engine``.
    """

    async def __call__(self, *, reference: Picture, scene: Picture) -> bytes: ...


class SwapImpossible(Exception):  # noqa: N818 -- an outcome of a job, not an error of the program
    """The job ends as FAILED. The text of the exception is the reason in the response to the poll."""

"""How a job ends: the check of its inputs, and the picture that the engine makes."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, ParamSpec, TypeVar, get_args
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from .._pictures.dot import dot
from .._pictures.engine import Engine, Picture, SwapImpossible
from .._pictures.input_check import input_problem
from .._pictures.samples import samples
from .._pictures.sheet import sheet
from .files import File, FileStore, new_file
from .ledger import Charge, Ledger

_logger = logging.getLogger("segmind_swap.emulator")

EngineName = Literal["preview", "sheet", "none"]
"""The engines that come with the emulator; see `Emulator`."""

Impossible = Literal["fail", "sheet"]
"""What becomes of a job whose engine finds the swap impossible; see `Emulator`."""

SAMPLES = ("sample-character.png", "sample-scene.png")
"""The names of the pictures that a job uses where the submit names none, in the order of `samples`."""

_KEPT_BYTES = 64 * 1024 * 1024

_CAUSE_SHOWN = 300
"""Characters of an exception's text that the reason of a failed job repeats."""

_POLL_WAIT = 1.0
"""Seconds for which the poll that starts an engine waits for the picture."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class DrawingError(Exception):
    """The emulator itself failed to draw a picture. The text names the cause, as a job's reason."""


_DROPPED = (
    ": the emulator keeps the latest uploads only, and has dropped it; Segmind keeps an upload for 7 days"
)


@dataclass(frozen=True, slots=True)
class _Result:
    """The result of an engine: a picture if ``reason`` is None, else why the job fails."""

    reason: str | None


class Outputs:
    """Checks the inputs when a job's time is up, and makes the pictures of completed jobs.

    A server sets ``limiter``: then pictures are decoded and drawn in threads. Without ``limiter``, as under a
    virtual clock, that happens on the event loop.
    """

    def __init__(
        self, *, ledger: Ledger, uploads: FileStore, engine: EngineName | Engine, impossible: Impossible
    ) -> None:
        if isinstance(engine, str) and engine not in get_args(EngineName):
            raise ValueError(f"`engine` must be one of {get_args(EngineName)} or a callable, not {engine!r}")
        if impossible not in get_args(Impossible):
            raise ValueError(f"`impossible` must be one of {get_args(Impossible)}, not {impossible!r}")
        self.limiter: anyio.CapacityLimiter | None = None
        self._ledger = ledger
        self._uploads = uploads
        self._engine = _load_preview() if engine == "preview" else engine
        self._impossible = impossible
        self._sheets: set[str] = set()
        self._busy = False
        self._tasks: dict[str, asyncio.Task[_Result | None]] = {}
        self._drawn = FileStore(_KEPT_BYTES)

    def sha256_of(self, url: str) -> str | None:
        """The sha256 of the picture behind this URL if the picture was uploaded here or is a sample."""
        name = hosted_file_name(url)
        known = self._uploads.get(name) or _sample(name)
        return known.sha256 if known else None

    def engine_label(self, charge: Charge) -> str | None:
        """The ``label`` of the engine that made the job's picture, or None.

        None if the engine has no label, or if the picture is a sheet: because an input is not hosted here, or
        because the engine found the swap impossible.
        """
        hosted = charge.reference_sha256 is not None and charge.scene_sha256 is not None
        is_of_engine = hosted and charge.request_id not in self._sheets
        return getattr(self._engine, "label", None) if is_of_engine else None

    async def finish(self, charge: Charge, *, now: float, netloc: str) -> Charge | None:
        """Decide and store the outcome of a job; None if its picture is not made yet.

        The preview or an engine of the user may find a swap impossible, or fail, so that these engines run
        now. "sheet" and "none" run when the picture is downloaded: the check of the inputs has decoded them
        as the sheet does. ``netloc`` is the emulator's own host and port: a picture that is missing there
        fails the job.
        """
        reasons = [
            await self._input_problem(url, what, now=now, netloc=netloc)
            for what, url in (
                ("Reference", charge.reference_character_image),
                ("Scene", charge.character_image),
            )
        ]
        reason = next(filter(None, reasons), None)
        if reason is None and not isinstance(self._engine, str):
            run_engine = self._run_engine if self.limiter is None else self._run_engine_in_task
            result = await run_engine(charge, now)
            if result is None:
                return None
            reason = result.reason
        return self._ledger.finish(charge, reason)

    async def _run_engine_in_task(self, charge: Charge, now: float) -> "_Result | None":
        """Run the engine in a task, so that a poll waits at most `_POLL_WAIT` seconds.

        None if it still runs.
        """
        task = self._tasks.get(charge.request_id)
        if task is None:
            task = asyncio.create_task(self._run_engine(charge, now))
            self._tasks[charge.request_id] = task
            await asyncio.wait({task}, timeout=_POLL_WAIT)
        # Two polls may have waited for the task. Only one of them takes the result.
        if not task.done() or self._tasks.pop(charge.request_id, None) is None:
            return None
        return task.result()

    async def _run_engine(self, charge: Charge, now: float) -> "_Result | None":
        """Let the engine make the picture; None if the engine is busy with another job."""
        if self._busy:
            return None
        self._busy = True
        try:
            await self._draw(charge, now)
        except SwapImpossible as impossible:
            return _Result(str(impossible) or "Swap impossible")
        except DrawingError as failed:
            return _Result(str(failed))
        finally:
            self._busy = False
        return _Result(None)

    async def find(self, name: str, now: float) -> File | None:
        """The hosted picture of this name: an upload, a sample, or a completed job's output.

        Raises:
            DrawingError: the picture of a completed job cannot be drawn.
        """
        if known := self._uploads.get(name) or _sample(name):
            return known
        charge = (
            self._ledger.find_with_output(name.removesuffix(".png"), now) if name.endswith(".png") else None
        )
        if charge is None:
            return None
        try:
            return self._drawn.get(name) or await self._draw(charge, now)
        except SwapImpossible as impossible:
            raise DrawingError(f"The picture cannot be drawn a second time: {impossible}") from impossible

    async def _draw(self, charge: Charge, now: float) -> File:
        try:
            drawn = new_file(await self._run(charge, now), "image/png")
        except (SwapImpossible, DrawingError):
            raise
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"[:_CAUSE_SHOWN]
            _logger.exception("the emulator could not draw the picture of job %s: %s", charge.number, cause)
            raise DrawingError(
                f"The emulator itself could not draw the picture ({cause}); Segmind has no part in this"
            ) from error
        self._drawn.put(f"{charge.request_id}.png", drawn)
        return drawn

    async def _run(self, charge: Charge, now: float) -> bytes:
        reference = await self._picture(charge.reference_character_image, now)
        scene = await self._picture(charge.character_image, now)
        if self._engine == "sheet":
            return await self._call(sheet, reference=reference, scene=scene)
        if isinstance(self._engine, str):
            return dot()
        try:
            return await self._engine(reference=reference, scene=scene)
        except SwapImpossible as impossible:
            if self._impossible == "fail":
                raise
            self._sheets.add(charge.request_id)
            return await self._call(sheet, reference=reference, scene=scene, remark=str(impossible))

    async def _picture(self, url: str, now: float) -> Picture:
        hosted = await self.find(hosted_file_name(url), now)
        return Picture(url=url, data=hosted.data if hosted else None)

    async def _input_problem(self, url: str, what: str, *, now: float, netloc: str) -> str | None:
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            return f"{what} image must be a valid http(s) URL"
        try:
            hosted = await self.find(hosted_file_name(url), now)
        except DrawingError as failed:
            return str(failed)
        if hosted is None and parts.netloc != netloc:
            return None
        if hosted is None:
            dropped = self._uploads.has_dropped(hosted_file_name(url))
            return f"Input image could not be downloaded{_DROPPED if dropped else ''}"
        if hosted.problem is None:
            hosted.problem = await self._call(input_problem, hosted.data)
        return hosted.problem or None

    async def _call(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        if self.limiter is None:
            return function(*args, **kwargs)
        return await anyio.to_thread.run_sync(lambda: function(*args, **kwargs), limiter=self.limiter)


def _load_preview() -> Engine:
    # Imported lazily: the packages are an extra, and take long to import.
    from ..preview import Preview  # noqa: PLC0415

    return Preview()


def hosted_file_name(url: str) -> str:
    """The name under /files/ in a URL of any host: the emulator cannot know its own host names."""
    if "/files/" not in url:
        return ""  # nearly always, and ten times as fast as parsing the URL
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return path.rpartition("/")[2] if path.startswith("/files/") else ""


def _sample(name: str) -> File | None:
    return new_file(samples()[SAMPLES.index(name)], "image/png") if name in SAMPLES else None

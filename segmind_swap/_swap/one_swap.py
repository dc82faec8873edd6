"""One swap in one call: its paid half, its free half, and the events at its start and at a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from .._errors import ConfigurationError, SwapError
from .._events import Failed, Started
from .._models import SwapJob, SwapRequest, SwapResult
from .._protocols.submit_record import NO_RECORD, SubmitRecord
from .downloads import save
from .job_errors import errors_of
from .output_files import OutputFile, check_target, reserved
from .polling import wait
from .submit import submit

if TYPE_CHECKING:
    from .session import Session
    from .uploads import Uploads


def request_of(**values: Any) -> SwapRequest:
    """A `SwapRequest` of these values.

    Raises:
        ConfigurationError: a value is of the wrong type.
    """
    try:
        return SwapRequest(**values)
    except ValidationError as exc:
        problem = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())
    raise ConfigurationError(f"not a swap request: {problem}")


async def complete(
    session: Session, uploads: Uploads, request: SwapRequest, *, timeout: float, file: OutputFile | None
) -> SwapResult:
    """Submits a swap, waits for its job, and saves the picture. Takes a slot of the session meanwhile.

    `timeout` is the seconds that the job may take from its acceptance.
    """
    with _ending_counted(session, request.id), _new_swap(session, request.id) as swap:
        if file is not None:
            await check_target(file)
        # Without room in the budget, the swap shall not wait for a slot to learn it.
        await session.spending.wait_for_room()
        # `reserved` checks the file again: another program may have made it during the wait for a slot.
        async with session.slots, reserved(session.reserved_paths, file):
            job = await _submitted(session, uploads, request, swap)
            try:
                return await _finished(session, job, swap, timeout, file)
            except SwapError:
                raise
            except BaseException:
                # A cancellation or an interrupt carries no job. An event and a warning name the job instead.
                session.abandon(job, swap=swap)
                raise


async def submit_only(session: Session, uploads: Uploads, request: SwapRequest) -> SwapJob:
    """The paid half: uploads the images, and submits. The job takes a place of the session until its end."""
    with _ending_counted(session, request.id), _new_swap(session, request.id) as swap:
        place = session.places.take()
        try:
            return await _submitted(session, uploads, request, swap, place)
        finally:
            place.end()


async def wait_only(session: Session, job: SwapJob, *, timeout: float, file: OutputFile | None) -> SwapResult:
    """The free half: waits for the job, and saves the picture."""
    swap = session.swap_of(job)
    with _failed_emitted(session, swap, None):
        async with reserved(session.reserved_paths, file):
            return await _finished(session, job, swap, timeout, file)


async def _submitted(
    session: Session, uploads: Uploads, request: SwapRequest, swap: int, record: SubmitRecord = NO_RECORD
) -> SwapJob:
    await session.spending.wait_for_room()
    urls = await uploads.urls_of(request.reference_character_image, request.character_image, swap=swap)
    return await submit(session, urls, swap=swap, id=request.id, record=record)


async def _finished(
    session: Session, job: SwapJob, swap: int, timeout: float, file: OutputFile | None
) -> SwapResult:
    """Waits and saves. The job is charged, so each error carries the job."""
    with errors_of(job):
        result = await wait(session, job, swap=swap, timeout=timeout)
        return result if file is None else await save(session, result, file, swap=swap)


@contextmanager
def _ending_counted(session: Session, id: str | None) -> Iterator[None]:
    """Warns if several calls in a row may be charged and bring nothing."""
    try:
        yield
    except SwapError as exc:
        session.count_ending(exc, id=id)
        raise
    session.count_ending(None, id=id)


@contextmanager
def _new_swap(session: Session, id: str | None) -> Iterator[int]:
    swap = session.new_swap()
    session.emit(Started(swap=swap, id=id))
    with _failed_emitted(session, swap, id):
        yield swap


@contextmanager
def _failed_emitted(session: Session, swap: int, id: str | None) -> Iterator[None]:
    try:
        yield
    except SwapError as exc:
        session.emit(Failed(swap=swap, id=id, error=exc))
        raise

"""Waits for the jobs of earlier runs that were accepted and billed, and are not known to be done."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

import anyio
import anyio.abc

from .._api.ids import canonical_id
from .._models import SwapJob
from .._outcome import SwapOutcome
from .._protocols.entry import Entry
from .slots import Slots


class ResumableItem(Protocol):
    """What this module needs of an `Item`, which stands above it."""

    @property
    def job(self) -> SwapJob | None:
        """The accepted job."""
        ...

    async def resumed_outcome(self, entry: Entry) -> SwapOutcome:
        """Waits for the job of the entry, and returns the outcome."""
        ...


@dataclass(slots=True)
class _ResumedJob:
    """A job that the batch waits for. Its input may be among the requests of this run, or not."""

    item: ResumableItem
    ended: anyio.Event
    outcome: SwapOutcome | None = None


class ResumedJobs:
    """The entries whose jobs this run waits for from its start."""

    def __init__(self) -> None:
        self._by_number: dict[int, _ResumedJob] = {}
        # At most one version of an id has an open job: the latest.
        self._numbers: dict[str, int] = {}

    def __contains__(self, number: int) -> bool:
        """Whether the run waits or has waited for the job of this entry, and has not returned the outcome."""
        return number in self._by_number

    async def start(
        self,
        group: anyio.abc.TaskGroup,
        resumable: AsyncGenerator[Entry, None],
        new_item: Callable[[Entry], ResumableItem],
        new_slots: Callable[[], Slots],
        on_error: Callable[[Exception], None],
    ) -> None:
        """Starts a task for each of the resumable entries, in their order, as slots become free.

        Raises:
            JournalError: the ledger failed.
        """
        async with aclosing(resumable) as entries:
            async for entry in entries:
                async with new_slots() as slots:
                    await slots.acquire_client_slot()
                    resumed = _ResumedJob(new_item(entry), anyio.Event())
                    self._by_number[entry.number] = resumed
                    self._numbers[canonical_id(entry.id)] = entry.number
                    group.start_soon(self._wait, resumed, entry, slots.hand_over(), on_error)

    async def _wait(
        self, resumed: _ResumedJob, entry: Entry, slots: Slots, on_error: Callable[[Exception], None]
    ) -> None:
        try:
            resumed.outcome = await resumed.item.resumed_outcome(entry)
        except Exception as exc:
            on_error(exc)
        finally:
            resumed.ended.set()
            slots.release()

    async def wait_for_version(self, id: str) -> int | None:
        """Waits for the resumed job of any version of an id. Returns the number of its entry, or None."""
        number = self._numbers.get(canonical_id(id))
        resumed = None if number is None else self._by_number.get(number)
        if resumed is None:
            return None
        await resumed.ended.wait()
        return number

    async def outcome(self, number: int) -> SwapOutcome | None:
        """The outcome of an entry's job, for the input of the entry; None if the job was not resumed."""
        resumed = self._by_number.get(number)
        if resumed is None:
            return None
        await resumed.ended.wait()
        self._by_number.pop(number, None)
        return resumed.outcome

    def ended(self, number: int) -> anyio.Event:
        """Is set when the job of an entry has ended, and when this run does not wait for it."""
        resumed = self._by_number.get(number)
        if resumed is not None:
            return resumed.ended
        event = anyio.Event()
        event.set()
        return event

    def jobs(self) -> Iterator[SwapJob]:
        """The jobs whose outcomes were not returned."""
        for resumed in self._by_number.values():
            if resumed.item.job is not None:
                yield resumed.item.job

    def without_input(self) -> list[tuple[int, SwapOutcome]]:
        """The number and the outcome of each entry whose input is not among the requests of this run."""
        return [
            (number, resumed.outcome)
            for number, resumed in self._by_number.items()
            if resumed.outcome is not None
        ]

    def forget(self, number: int) -> None:
        """Removes an entry whose outcome was returned."""
        del self._by_number[number]

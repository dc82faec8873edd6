"""Decides which input is paid for, of the inputs of a batch with the same pictures (`once_per_picture`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from ..._errors import OriginalNotDoneError, SwapError
from ..._models import SwapResult
from ..._outcome import OutcomeState, SwapOutcome
from ..._protocols.entry import Entry
from ..._protocols.ledger import Ledger
from ..._swap.account import SwapAccount
from ..resume import ResumedJobs

_WAITING = 1000
"""How many copies wait without a slot. Further ones keep their slots, so that memory stays bounded."""
_SAVED_AT_ONCE = 4
"""How many copies are written at the same time: thousands may have waited for one picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The swap that is paid for, or was, as the copies of its result see it.

    Attributes:
        id: The id of the swap.
        holder: The id of the entry with the result, which may be a copy itself.
        state: The state of the swap, when it ended in this run or in an earlier one.
        result: The result; None if the swap is not done.
        stopped_by: Why the batch was stopped before the swap was sent, if it was.
    """

    id: str
    holder: str
    state: OutcomeState
    result: SwapResult | None = None
    stopped_by: SwapError | None = None

    @classmethod
    def of_entry(cls, entry: Entry) -> Original:
        """The swap of an entry. Of a copy, the swap that was paid for."""
        return cls(id=entry.original_id, holder=entry.id, state=entry.state, result=entry.result)

    @classmethod
    def of_outcome(cls, outcome: SwapOutcome) -> Original:
        """The swap of an outcome of this run."""
        is_pending = outcome.state is OutcomeState.PENDING
        id = outcome.request.id or ""
        return cls(
            id=id,
            holder=id,
            state=outcome.state,
            result=outcome.result,
            stopped_by=outcome.error if is_pending else None,
        )

    def copied_result(self) -> SwapResult | None:
        """The result for a copy, which has no file yet and costs nothing. None if there is no result."""
        if self.result is None:
            return None
        return self.result.model_copy(update={"path": None, "cost_usd": 0.0, "copy_of": self.id})

    def reason_to_wait(self) -> SwapError | None:
        """Why a copy stays PENDING. None if the batch was stopped without an error."""
        if self.state is OutcomeState.PENDING:
            return self.stopped_by
        return OriginalNotDoneError(
            f"its pictures are those of {self.id!r}, {_ENDINGS[self.state]}",
            original_id=self.id,
            original_state=self.state,
        )


_DECIDE = "so this swap is not sent before a person has decided about that one"
_UNDER_WAY = "so this swap is not sent: the next run waits for that job, and copies its picture"
_AGAIN = "so this run does not submit them again: the next run may"
_S = OutcomeState
_ENDINGS = {
    _S.REJECTED: f"which was rejected, {_AGAIN}",
    _S.FAILED: f"which failed, {_AGAIN}",
    _S.ABANDONED: f"which was given up, {_AGAIN}",
    _S.ACCEPTED: f"which is paid and not done, {_UNDER_WAY}",
    _S.UNREADABLE: f"which is paid and whose answer cannot be read, {_UNDER_WAY}",
    _S.SENDING: "which another batch sends, so this swap is not sent",
    _S.UNKNOWN: f"which may be paid, {_DECIDE}",
    _S.EXPIRED: f"which was paid and has expired, {_DECIDE}",
}
"""What has become of the swap that was paid for, and what follows for its copies."""


@dataclass(slots=True)
class Turn:
    """The turn of one input.

    Attributes:
        original: The swap with the same pictures, whose result this input gets. None if the input is paid
            for.
        outcome: Set by the input that is paid for, once it has ended.
    """

    original: Original | None = None
    outcome: SwapOutcome | None = None


@dataclass(slots=True, eq=False)
class _Payer:
    """The input that is paid for. `original` is None if it ended before anything was sent."""

    original: Original | None = None
    has_ended: anyio.Event = field(default_factory=anyio.Event)


class Payers:
    """Of the inputs with the same pictures, one is paid for. The others wait for it, and copy its result.

    An entry of an earlier run counts, too: if it is done, its result is copied. If it is waited for in this
    run, the copies wait. If it may be paid for, nothing is sent for the copies: a person decides first.
    """

    def __init__(self, ledger: Ledger, resumed: ResumedJobs, *, once_per_picture: bool) -> None:
        """With `once_per_picture` False, each input is paid for."""
        self.saving = anyio.Semaphore(_SAVED_AT_ONCE)
        self._ledger = ledger
        self._resumed = resumed
        self._is_on = once_per_picture
        self._by_fingerprint: dict[str, _Payer] = {}
        self._waiting = 0

    @asynccontextmanager
    async def turn(
        self, account: SwapAccount, *, is_sent: Callable[[], bool], release_slots: Callable[[], None]
    ) -> AsyncIterator[Turn]:
        """Waits until it is known whether an input is paid for, or copies the result of another swap.

        If the block of the input that is paid for raises and nothing was sent, the next input takes its turn.

        Args:
            account: The entry of the input.
            is_sent: Whether something of the input may have been sent.
            release_slots: Releases the slots of the input, which needs none while it waits.
        """
        if not self._is_on:
            yield Turn()
            return
        fingerprint = account.entry.fingerprint
        while (known := self._by_fingerprint.get(fingerprint)) is not None:
            await self._wait(known.has_ended, release_slots)
            if known.original is not None:
                yield Turn(known.original)
                return
        payer = self._by_fingerprint[fingerprint] = _Payer()
        turn = Turn()
        try:
            turn.original = payer.original = await self._paid_earlier(fingerprint, release_slots)
            yield turn
        finally:
            if turn.outcome is not None:
                payer.original = Original.of_outcome(turn.outcome)
            elif payer.original is None and is_sent():
                id = account.entry.id
                payer.original = Original(id=id, holder=id, state=OutcomeState.UNKNOWN)
            is_in_ledger = payer.original is not None and payer.original.result is not None
            if payer.original is None or (is_in_ledger and self._ledger.keeps_entries):
                # The next input with these pictures asks the ledger. So memory does not grow.
                del self._by_fingerprint[fingerprint]
            payer.has_ended.set()

    async def _paid_earlier(self, fingerprint: str, release_slots: Callable[[], None]) -> Original | None:
        """The swap of an earlier run that is paid for these pictures, or may be."""
        found = await self._ledger.find_paid(fingerprint)
        if found is None:
            return None
        if found.state.is_waitable:
            await self._wait(self._resumed.ended(found.number), release_slots)
            waited_for, found = found, await self._ledger.find_paid(fingerprint)
            if found is None:
                return Original(id=waited_for.id, holder=waited_for.id, state=OutcomeState.FAILED)
        return Original.of_entry(found)

    async def _wait(self, event: anyio.Event, release_slots: Callable[[], None]) -> None:
        if event.is_set():
            return
        if self._waiting < _WAITING:
            release_slots()
        self._waiting += 1
        try:
            await event.wait()
        finally:
            self._waiting -= 1

"""Which entry of the ledger belongs to an input: the current version, or the version that a redo begins."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from typing import Protocol

from ..._api.ids import canonical_id
from ..._protocols.entry import Entry, EntryConflict, NewEntry
from ..._protocols.ledger import Ledger


class Entries(Protocol):
    """The entries of the inputs of one batch."""

    async def expect(self, ids: Collection[str]) -> None:
        """Records the inputs of this run, as `Ledger.expect`."""
        ...

    async def take(self, swap: NewEntry) -> Entry:
        """The entry of an input, which is about to be processed.

        Raises:
            EntryConflict: the entry cannot be used for this input.
            JournalError: the ledger failed.
        """
        ...

    async def find(self, ids: Collection[str]) -> Mapping[str, Entry]:
        """The entries by id, without taking them.

        Raises:
            JournalError: the ledger failed.
        """
        ...

    def input_of(self, entry: Entry) -> NewEntry:
        """What an input must be for this entry."""
        ...

    def resumable(self) -> AsyncGenerator[Entry, None]:
        """The entries whose jobs the run waits for from its start, oldest first, whatever its inputs are.

        Raises:
            JournalError: the ledger failed.
        """
        ...


class CurrentEntries:
    """The entries of a batch: the current version of each id."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def expect(self, ids: Collection[str]) -> None:
        """As `Ledger.expect`."""
        await self._ledger.expect(ids)

    async def take(self, swap: NewEntry) -> Entry:
        """As `Ledger.take`."""
        return await self._ledger.take(swap)

    async def find(self, ids: Collection[str]) -> Mapping[str, Entry]:
        """As `Ledger.find`."""
        return await self._ledger.find(ids)

    def input_of(self, entry: Entry) -> NewEntry:
        """The input of the id, also if its current version was made with other pictures."""
        return entry.input

    def resumable(self) -> AsyncGenerator[Entry, None]:
        """As `Ledger.resumable`."""
        return self._ledger.resumable()


class BegunVersions:
    """The entries of a redo: the versions that it has begun.

    Args:
        ledger: The ledger.
        begun: The entries that `Ledger.begin_versions` has returned.
    """

    def __init__(self, ledger: Ledger, begun: Collection[Entry]) -> None:
        self._ledger = ledger
        self._numbers = {canonical_id(entry.id): entry.number for entry in begun}

    async def expect(self, ids: Collection[str]) -> None:
        """Nothing: the inputs of the batch stay those of its own command."""

    async def take(self, swap: NewEntry) -> Entry:
        """The begun version of the id, in its state of now: a job of an earlier run may have ended meanwhile.

        Raises:
            EntryConflict: a picture was changed after the version was begun.
            JournalError: the ledger failed.
        """
        entry = (await self.find([swap.id]))[swap.id]
        if entry.fingerprint != swap.fingerprint:
            raise EntryConflict(f"a picture of {swap.id!r} was changed while its redo was begun")
        return entry

    async def find(self, ids: Collection[str]) -> Mapping[str, Entry]:
        """The begun versions by id."""
        found = {}
        async with aclosing(self._ledger.versions(ids)) as entries:
            async for entry in entries:
                key = canonical_id(entry.id)
                if self._numbers.get(key) == entry.number:
                    found.update({id: entry for id in ids if canonical_id(id) == key})
        return found

    def input_of(self, entry: Entry) -> NewEntry:
        """The pictures of the version itself."""
        return NewEntry(
            id=entry.id, fingerprint=entry.fingerprint, reference=entry.reference, scene=entry.scene
        )

    def resumable(self) -> AsyncGenerator[Entry, None]:
        """As `Ledger.resumable`: also the jobs of swaps that this redo does not name."""
        return self._ledger.resumable()

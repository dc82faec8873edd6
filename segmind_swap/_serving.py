"""`SwapService`: signatures, documentation, and the only place where a journal meets a service."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from weakref import WeakKeyDictionary

from ._config import MAX_FAILED, MAX_FUTILE, PRICE_USD, whole, whole_or_none
from ._errors import ConfigurationError, SwapError
from ._journal.journal import Journal
from ._models import ImageInput, SwapResult
from ._protocols.orders import OrderLimits, OrderSource
from ._service.spool import FileSpool, MemorySpool, Spool
from ._service.update import SwapUpdate

# A service imports what runs it when it is opened.
if TYPE_CHECKING:
    from ._client import SwapClient
    from ._service.running import Running

# A journal in memory and the pictures of its orders end together.
_spools_in_memory: WeakKeyDictionary[Journal, dict[str, bytes]] = WeakKeyDictionary()
MAX_QUEUED = 10_000
MAX_SPOOL_BYTES = 4 * 1024**3


class SwapService:
    """Swaps behind an application that restarts: a queue that outlives the process.

    Enter the service with the lifespan of the application: `async with SwapClient() as client,
    SwapService(client, journal="swaps.db", save_to="pictures") as service:`. Each process of the machine may
    have a service on the same journal, with the same options. One of them submits and polls; when it ends,
    another one takes over within two seconds. Everything that was enqueued is on the disk, and goes on after
    a restart. A submit that was in flight when its process was killed is UNKNOWN, and is never sent again
    automatically.

    Args:
        client: The client. It must stay open as long as the service.
        journal: The file of the service, which is made if it is missing; or a `Journal`. Pictures that are
            not sent yet are in the folder beside it, `<journal>.spool`, which only its owner can read.
        save_to: The folder for the pictures, as in `SwapClient.swap_many`; None if they are not saved.
        daily_budget_usd: How many USD the POSTs of one day may cost, by UTC; None for no limit. Each POST
            that may have been accepted counts, and every failed run.
        max_per_owner: How many swaps of one owner may be PENDING, SENDING or ACCEPTED; None for no limit.
        max_per_owner_a_day: How many swaps of one owner may be enqueued in a day, by UTC; None for no limit.
            Swaps that were refused or cancelled do not count.
        max_queued: How many swaps may wait to be sent.
        max_spool_bytes: How many bytes the pictures that wait to be sent may have.
        price_usd: The assumed cost of one swap in USD, until the service reports a higher cost.
        failed_runs_are_free: Whether failed runs cost nothing. Segmind publishes nothing about that.
        max_futile: After how many swaps in a row that may be charged and brought no picture to stop; None for
            no limit. A restart does not begin to count anew. `resume` does.
        max_failed: After how many failed swaps in a row to stop; None for no limit.
        spool: The folder for pictures that are not sent yet; None for the folder beside the journal. Needed
            if `journal` is an order source of your own.

    Raises:
        ConfigurationError: an option cannot be used.
    """

    def __init__(
        self,
        client: SwapClient,
        *,
        journal: str | os.PathLike[str] | OrderSource,
        save_to: str | os.PathLike[str] | None = None,
        daily_budget_usd: float | None = None,
        max_per_owner: int | None = None,
        max_per_owner_a_day: int | None = None,
        max_queued: int = MAX_QUEUED,
        max_spool_bytes: int = MAX_SPOOL_BYTES,
        price_usd: float = PRICE_USD,
        failed_runs_are_free: bool = False,
        max_futile: int | None = MAX_FUTILE,
        max_failed: int | None = MAX_FAILED,
        spool: str | os.PathLike[str] | None = None,
    ) -> None:
        from ._batch.runner import BatchOptions  # noqa: PLC0415

        whole_or_none("max_per_owner", max_per_owner)
        whole_or_none("max_per_owner_a_day", max_per_owner_a_day)
        whole("max_queued", max_queued)
        whole("max_spool_bytes", max_spool_bytes)
        self._client = client
        self._source: OrderSource = Journal(journal) if isinstance(journal, str | os.PathLike) else journal
        self._spool = _spool_of(self._source, spool, max_spool_bytes)
        self._options = BatchOptions(
            concurrency=client._settings.concurrency_of(None),
            save_to=None if save_to is None else Path(save_to),
            daily_budget_usd=daily_budget_usd,
            price_usd=price_usd,
            failed_runs_are_free=failed_runs_are_free,
            max_futile=max_futile,
            max_failed=max_failed,
        )
        self._limits = OrderLimits(
            price_usd=price_usd,
            daily_budget_usd=daily_budget_usd,
            max_queued=max_queued,
            max_per_owner=max_per_owner,
            max_per_owner_a_day=max_per_owner_a_day,
        )
        self._running: Running | None = None

    async def __aenter__(self) -> Self:
        """Opens the journal, continues what an earlier process has left, and begins to submit.

        Raises:
            ConfigurationError: the folder for the pictures cannot be made, the client is closed, or the
                service is open already.
            JournalError: the journal cannot be used, or is of another service.
        """
        from ._service.running import Running  # noqa: PLC0415

        if self._running is not None:
            raise ConfigurationError("the service is open already")
        session, uploads = self._client._started()
        self._running = await Running.start(
            session, uploads, self._source, self._options, spool=self._spool, limits=self._limits
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the service in this process. POSTs in flight have up to 15 s to record their responses."""
        running, self._running = self._running, None
        if running is not None:
            await running.aclose()

    async def enqueue(
        self,
        id: str,
        *,
        reference_character_image: ImageInput,
        character_image: ImageInput,
        owner: str | None = None,
        pay_again: bool = False,
    ) -> SwapUpdate:
        """Records a swap, which is then submitted and charged once, by whichever process submits.

        When this method returns, the swap and its pictures are on the disk. Nothing was sent. An id that is
        known is joined, whatever the state of its swap: nothing is paid again for it, also if the swap has
        failed, is unknown or was cancelled. Two calls of one id at once are one swap. A call that is
        cancelled leaves the whole swap, or nothing.

        Args:
            id: The name of the swap, which can be a file name on every system. It is never sent.
            reference_character_image: The reference: bytes, an open binary file, a PIL image, a
                `pathlib.Path`, or an http(s) URL as text. Any other text is refused.
            character_image: The scene, likewise.
            owner: For whom the swap is made: a text of at most 200 characters. It is never sent.
            pay_again: Whether a swap that is final is submitted, and charged, again: a swap that is done
                gets another version. A swap that is not final is joined, also a finished one whose picture is
                still to be saved.

        Raises:
            ConfigurationError: the id or the owner cannot be used, or the service or its client is not open.
            ImageError: an image cannot be used, or is a text that is no URL.
            IdConflictError: the id belongs to a swap with other images.
            LimitExceededError: `max_queued`, `max_per_owner`, `max_per_owner_a_day` or `max_spool_bytes` is
                reached.
            BudgetExceededError: the money of the day is spent, or needed for the swaps that wait.
            ServiceStoppedError: the service submits nothing now, and the swap is a new one.
            JournalError: the journal cannot be used. Nothing was recorded.
        """
        return await self._open().enqueue(
            id, reference_character_image, character_image, owner=owner, pay_again=pay_again
        )

    async def status(self, id: str) -> SwapUpdate:
        """The state of a swap now. Reads the journal, and sends nothing.

        Raises:
            UnknownIdError: there is no such swap.
            ConfigurationError: the id cannot be used, or the service is not open.
            JournalError: the journal cannot be read.
        """
        return await self._open().status(id)

    def updates(self, id: str, *, after: int | None = None) -> AsyncIterator[SwapUpdate]:
        """Iterates over the states of a swap: the last one first, and then each newer one. Sends nothing.

        Ends after the final update, or when the service closes. Any number of listeners cost one look at the
        journal, four times a second. A slow listener gets the newest update, and not those between.

        Args:
            id: The id of the swap.
            after: The `change` of an update that the listener has seen: this update does not come again.

        Raises:
            UnknownIdError: at the first update, if there is no such swap.
            ConfigurationError: the id cannot be used, or the service is not open.
            JournalError: at the first update, if the journal cannot be read.
        """
        return self._open().updates(id, after=after)

    async def result(self, id: str) -> SwapResult:
        """Waits until a swap is final, and returns the finished swap.

        Raises:
            SwapError: the error that ended the swap, with its job: `SwapFailedError`, `SwapExpiredError`,
                `SubmissionUnknownError`, `OutputError`, `DownloadError`, `StatusError`, `ImageError`, or
                `SwapCancelledError`.
            UnknownIdError: there is no such swap.
            ConfigurationError: the id cannot be used, or the service was closed before the swap has ended.
            JournalError: the journal cannot be read.
        """
        return await self._open().result(id)

    async def cancel(self, id: str) -> bool:
        """Cancels a swap that is not sent yet. Sends nothing.

        Returns:
            Whether the swap was cancelled, now or before: it was not sent, and never will be, and it is
            ABANDONED with a `SwapCancelledError`. False if it was sent, may have been sent, or was refused:
            nothing was changed.

        Raises:
            UnknownIdError: there is no such swap.
            ConfigurationError: the id cannot be used, or the service is not open.
            JournalError: the journal cannot be written.
        """
        return await self._open().cancel(id)

    @property
    def halted_by(self) -> SwapError | None:
        """Why the service submits nothing, in every process; None if it may submit.

        After a refusal of the account (401, 402, 403, 404, 406), the service tries again after a minute.
        After a `NoResultsError`, it waits for `resume`, also after a restart. Swaps that were sent go on.

        Raises:
            ConfigurationError: the service is not open.
        """
        return self._open().halting.reason

    async def resume(self) -> None:
        """Lets the service submit again, in every process, and count from zero.

        Raises:
            ConfigurationError: the service is not open.
            JournalError: the journal cannot be written.
        """
        await self._open().halting.resume()

    @property
    def submits(self) -> bool:
        """Whether this process submits and polls now. False if another process does.

        Raises:
            ConfigurationError: the service is not open.
        """
        return self._open().worker.submits

    def _open(self) -> Running:
        if self._running is None:
            raise ConfigurationError(
                "the service is not open: enter its block first, as the lifespan of the application does"
            )
        # Refuses a caller on another event loop.
        self._client._started()
        return self._running


def _spool_of(source: OrderSource, folder: str | os.PathLike[str] | None, max_bytes: int) -> Spool:
    """Where the pictures are kept: as long as the orders."""
    if folder is not None:
        return FileSpool(Path(folder), max_bytes=max_bytes)
    if not isinstance(source, Journal):
        raise ConfigurationError(
            "a service with an order source of your own needs a folder for pictures: give spool"
        )
    if source.is_in_memory:
        return MemorySpool(_spools_in_memory.setdefault(source, {}), max_bytes=max_bytes)
    return FileSpool(source.path.with_name(f"{source.path.name}.spool"), max_bytes=max_bytes)

"""One swap of a batch, from its input to its outcome. Whatever happens to it is a value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread

from .._errors import (
    AuthenticationError,
    BudgetExceededError,
    ConfigurationError,
    ConnectionFailedError,
    ImageError,
    InsufficientCreditsError,
    JournalError,
    NotFoundError,
    OutputError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
    StatusError,
    SubmissionUnknownError,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
)
from .._events import Failed
from .._journal.journal import outcome_of
from .._journal.ledger import Account, Books, Stopped
from .._journal.store import Store
from .._models import SwapJob, SwapRequest, SwapResult
from .._outcome import OutcomeState, SwapOutcome
from .._policy.ids import canonical_id
from .._policy.retry import backoff
from .._protocols import Entry
from .._swap.output_files import OutputFile, reserved, save
from .._swap.polling import wait
from .._swap.session import Session
from .._swap.submit import abandon, submit
from .._swap.uploads import Uploads
from .fingerprint import fingerprint_of, identity_of
from .inputs import Inputs, check_id, inputs_of, target_of

# Refusals that every other swap of the account would meet as well.
_FOR_ALL = (AuthenticationError, InsufficientCreditsError, NotFoundError, PermissionDeniedError)
_SHORTEST_PAUSE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the swaps of a batch share.

    Attributes:
        folder: Where pictures are saved; None if they are not.
        has_journal: Whether each swap has a row.
        retry_failed: Whether swaps that failed or were rejected in an earlier run are submitted again.
        recovered: The outcome of a row that is being waited for since the batch began; None if it is not.
        recoveries: Those rows.
    """

    session: Session
    uploads: Uploads
    books: Books
    folder: Path | None
    has_journal: bool
    retry_failed: bool
    recovered: Callable[[int], Awaitable[SwapOutcome | None]]
    recoveries: Collection[int]


class Item:
    """One input of a batch.

    Attributes:
        job: The accepted job, from the moment in which it is known.
    """

    def __init__(self, around: Surroundings, request: SwapRequest) -> None:
        self.request = request
        self.job: SwapJob | None = None
        self._around = around
        self._account = Account(around.books, request.id or "", self._told)
        self._scope = anyio.CancelScope()
        self._is_to_be_sent = False

    def stop(self) -> None:
        """Takes the swap out, if another POST of it was to be sent."""
        if self._is_to_be_sent and not (self.job or self._account.is_on_the_wire):
            self._scope.cancel()

    def _told(self, job: SwapJob | None) -> None:
        self.job = job
        if self._around.books.is_stopped:
            self.stop()

    async def outcome(self) -> SwapOutcome:
        """What becomes of it."""
        try:
            with self._scope:
                return await self._story()
        except BaseException:
            self._account.let_go(accepted=self.job is not None)
            raise
        return await self._taken_out()

    async def _taken_out(self) -> SwapOutcome:
        """What a stop makes of it: nothing was sent in this run, or nobody knows what became of that."""
        account = self._account
        if not account.is_in_doubt:
            return self._not_started(self._around.books.stopped_by)
        error = SubmissionUnknownError(
            "the batch was stopped while the swap waited to be sent again; it may have been accepted",
            possible_duplicates=account.in_doubt,
        )
        await account.ended(OutcomeState.UNKNOWN, held=account.in_doubt, error=error)
        # Its event was told by the submit, when this went away from it.
        return SwapOutcome(request=self.request, state=OutcomeState.UNKNOWN, error=error)

    async def recovery(self, entry: Entry) -> SwapOutcome:
        """What becomes of a job that an earlier run has left."""
        try:
            self._account.opened(entry)
            if entry.job is None:
                raise ConfigurationError(f"the journal knows no job of {entry.id!r}, and calls it accepted")
            self._account.adopt()
            self.job = entry.job
            return await self._finished(entry.job)
        except BaseException:
            self._account.let_go(accepted=True)
            raise

    def _is(
        self, state: OutcomeState, error: SwapError | None = None, result: SwapResult | None = None
    ) -> SwapOutcome:
        if error is not None:
            # Of an answer that was no usable acceptance, the error may know the job.
            error.job = self.job = self.job or error.job
            self._around.session.emit(Failed(id=self.request.id, error=error))
        return SwapOutcome(request=self.request, state=state, job=self.job, result=result, error=error)

    def _not_started(self, why: SwapError | None) -> SwapOutcome:
        self._account.let_go()
        return SwapOutcome(request=self.request, state=OutcomeState.PENDING, error=why)

    # The input

    async def _story(self) -> SwapOutcome:
        try:
            around = self._around
            check_id(self.request, needed=around.has_journal or around.folder is not None)
            try:
                inputs = await inputs_of(around.uploads, self.request)
            except ImageError:
                if (settled := await self._settled_before()) is None:
                    raise
                return await self._known(settled)
            taken = await self._taken(inputs)
            if isinstance(taken, str) or (taken is not None and self._is_settled(taken)):
                return await self._known(taken)
            if taken is not None:
                self._account.opened(taken)
                await self._account.restart(taken)
            async with reserved(around.session, self._target):
                return await self._submitted(inputs)
        except (ImageError, ConfigurationError) as exc:
            # Nothing was sent, and the next run may find it mended: in the journal it stays pending.
            self._account.let_go()
            return self._is(OutcomeState.REJECTED, exc)
        except (BudgetExceededError, JournalError) as exc:
            self._around.books.stop(exc)
            return self._not_started(exc)

    @property
    def _target(self) -> OutputFile | None:
        folder = self._around.folder
        return None if folder is None else target_of(self.request, folder)

    # The journal's row

    async def _taken(self, inputs: Inputs) -> Entry | str | None:
        id = self.request.id
        if id is None:
            return None
        reference, scene = inputs.names
        return await self._around.books.do(
            lambda store: store.take(
                key=canonical_id(id), id=id, fingerprint=inputs.fingerprint, reference=reference, scene=scene
            )
        )

    async def _settled_before(self) -> Entry | str | None:
        """As `_taken`, of a swap whose pictures are gone; None if something of it would still be sent."""
        id = self.request.id
        if id is None:
            return None
        key, names = canonical_id(id), (self.request.reference_character_image, self.request.character_image)

        def taken(store: Store) -> Entry | str | None:
            entry = store.known(key)
            if entry is None or not self._is_settled(entry) or (entry.reference, entry.scene) != names:
                return None
            reference, scene = entry.reference, entry.scene
            return store.take(key=key, id=id, fingerprint=entry.fingerprint, reference=reference, scene=scene)

        return await self._around.books.do(taken)

    def _is_settled(self, entry: Entry) -> bool:
        if entry.number in self._around.recoveries:
            # Its job was waited for in this run: however that ended, it is no failure of an earlier one.
            return True
        again = (OutcomeState.FAILED, OutcomeState.REJECTED) if self._around.retry_failed else ()
        return entry.state is not OutcomeState.PENDING and entry.state not in again

    async def _known(self, entry: Entry | str) -> SwapOutcome:
        """The outcome of a swap that an earlier run has brought to some end, or to its acceptance."""
        if isinstance(entry, str):
            return self._is(OutcomeState.REJECTED, JournalError(entry, path=self._around.books.path))
        self._account.opened(entry)
        self.job = entry.job
        outcome = await self._around.recovered(entry.number)
        if outcome is not None:
            return outcome.model_copy(update={"request": self.request})
        if entry.result is None or self._target is None:
            return outcome_of(entry, self.request)
        path = entry.result.path
        # In the folder of today first: it may have been moved.
        for place in () if path is None else (self._target.path.with_name(path.name), path):
            if await anyio.to_thread.run_sync(_is_file, place):
                result = entry.result.model_copy(update={"path": place})
                return outcome_of(entry, self.request).model_copy(update={"result": result})
        await anyio.to_thread.run_sync(self._target.remove_stale)
        return await self._saved(entry.result)

    # The submit

    async def _submitted(self, inputs: Inputs) -> SwapOutcome:
        account, books = self._account, self._around.books
        self._is_to_be_sent = True
        try:
            if books.is_stopped:
                raise Stopped
            await account.reserve()
            job = await self._posted(inputs)
        except Stopped:
            return self._not_started(books.stopped_by)
        except SubmissionUnknownError as exc:
            await account.ended(OutcomeState.UNKNOWN, held=exc.possible_duplicates, error=exc)
            return self._is(OutcomeState.UNKNOWN, exc)
        except _FOR_ALL as exc:
            books.stop(exc)
            return self._not_started(exc)
        except StatusError as exc:
            # In doubt only if it is an upload's, of a swap that a person has submitted again.
            state = OutcomeState.UNKNOWN if account.in_doubt else OutcomeState.REJECTED
            await account.ended(state, held=account.in_doubt, error=exc)
            return self._is(state, exc)
        except ResponseError as exc:
            # An upload's answer, which says nothing about the picture: the next run may try again.
            account.let_go()
            return self._is(OutcomeState.REJECTED, exc)
        return await self._finished(job)

    async def _posted(self, inputs: Inputs) -> SwapJob:
        """The job. A failure of which nothing was sent costs time, never the input."""
        failures = 0
        while True:
            try:
                reference_url, scene_url = await self._urls(inputs)
                return await submit(
                    self._around.session,
                    reference_url=reference_url,
                    scene_url=scene_url,
                    id=self.request.id,
                    in_doubt=self._account.in_doubt,
                    record=self._account,
                )
            except (ConnectionFailedError, RateLimitError, _UploadFailed):
                failures += 1
                await anyio.sleep(max(_SHORTEST_PAUSE, backoff(self._around.session.retry, failures)))

    async def _urls(self, inputs: Inputs) -> list[str]:
        uploads = self._around.uploads
        async with uploads.loaded(*inputs.images) as pictures:
            if fingerprint_of([identity_of(picture) for picture in pictures]) != inputs.fingerprint:
                raise ImageError(
                    f"a picture of {self.request.id!r} was changed while the batch ran", image=inputs.names[1]
                )
            try:
                return [await uploads.url_of(picture) for picture in pictures]
            except ServerError as exc:
                raise _UploadFailed from exc

    # The wait

    async def _finished(self, job: SwapJob) -> SwapOutcome:
        account, session = self._account, self._around.session
        try:
            try:
                result = await wait(session, job, timeout=session.timeout, in_batch=True)
            except SwapFailedError as exc:
                await account.ended(OutcomeState.FAILED, held=account.in_doubt, error=exc)
                return self._is(OutcomeState.FAILED, exc)
            except OutputError as exc:
                await account.ended(OutcomeState.FAILED, held=account.in_doubt + 1, error=exc)
                return self._is(OutcomeState.FAILED, exc)
            except SwapExpiredError as exc:
                await account.ended(OutcomeState.EXPIRED, held=account.in_doubt + 1, error=exc)
                return self._is(OutcomeState.EXPIRED, exc)
            except SwapError as exc:
                account.let_go(accepted=True)
                return self._is(OutcomeState.ACCEPTED, exc)
            await account.ended(OutcomeState.COMPLETED, held=account.in_doubt, result=result)
            return await self._saved(result)
        except BaseException:
            abandon(session, job)
            raise

    async def _saved(self, result: SwapResult) -> SwapOutcome:
        if self._target is None:
            return self._is(OutcomeState.COMPLETED, result=result)
        try:
            saved = await save(self._around.session, result, self._target)
        except SwapError as exc:
            return self._is(OutcomeState.COMPLETED, exc, result)
        await self._account.saved(saved)
        return self._is(OutcomeState.SAVED, result=saved)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # Who may not look there finds nothing there.
        return False


class _UploadFailed(Exception):  # noqa: N818 - it is an event
    """The upload service is away."""

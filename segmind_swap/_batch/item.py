"""Processes one input of a batch, from its request to its outcome. A failure is an outcome, too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from .._concurrency import run_in_thread
from .._errors import (
    BadRequestError,
    BudgetExceededError,
    ConfigurationError,
    ImageError,
    JournalError,
    NotFoundError,
    PermissionDeniedError,
    ResponseError,
    StatusError,
    SubmissionUnknownError,
    SwapError,
)
from .._models import SwapJob, SwapRequest
from .._outcome import OutcomeState, SwapOutcome
from .._protocols.entry import Entry, EntryCancelled, EntryConflict
from .._protocols.ledger import Ledger
from .._swap.account import SwapAccount
from .._swap.output_files import reserved
from .inputs import BatchInput, batch_input_of, check_id
from .known.payers import Original, Payers
from .known.recorded import take_without_pictures
from .refusals import Refusals
from .resume import ResumedJobs
from .steps.finish import Finish
from .steps.report import Report
from .stop_switch import Stopped, StopSwitch
from .submit_input import REFUSES_EVERY_CALL, PictureRefused, submit_input, with_message

if TYPE_CHECKING:
    from .._swap.session import Session
    from .._swap.uploads import Uploads
    from .versions.entries import Entries
    from .versions.pictures import Pictures

_LAST_MOMENT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchContext:
    """The objects that the swaps of a batch share.

    Attributes:
        entries, pictures: Which entry belongs to an input, and the files of the pictures.
        retry_failed: Whether swaps that failed or were rejected in an earlier run are submitted again.
        resumed: The jobs of earlier runs that this run waits for.
        refusals: Decides whether a 403 or a 404 is about one input.
        payers: Decides which of several inputs with the same pictures is paid for.
        are_continued: Whether another run continues the swaps without being told.
        count_ending: Gets each outcome of a swap that this run has submitted, and may stop the batch.
    """

    session: Session
    uploads: Uploads
    ledger: Ledger
    switch: StopSwitch
    resumed: ResumedJobs
    refusals: Refusals
    payers: Payers
    count_ending: Callable[[SwapOutcome], None]
    entries: Entries
    pictures: Pictures
    retry_failed: bool
    are_continued: bool


class Item:
    """One input of a batch. It is the `SubmitRecord` of its submits.

    Attributes:
        request: The input.
        is_continued: As in the protocol.
    """

    def __init__(
        self, context: BatchContext, request: SwapRequest, *, release_slots: Callable[[], None] = lambda: None
    ) -> None:
        """Does not begin the swap. `release_slots` releases the slots of the swap before its end."""
        self.request = request
        self.is_continued: bool = context.are_continued
        self._release_slots = release_slots
        self._context = context
        self._report = Report(context.session, request)
        self._finish = Finish(
            context.session,
            context.ledger,
            context.pictures,
            self._report,
            is_continued=context.are_continued,
        )
        # None until the item has an entry that this run processes.
        self._account: SwapAccount | None = None
        self._scope = anyio.CancelScope()
        self._will_post = False
        self._is_cancelled = False

    @property
    def job(self) -> SwapJob | None:
        """The accepted job, as soon as it is known."""
        return self._report.job

    def stop(self) -> None:
        """Cancels the swap if it would still POST, and no POST is in flight."""
        is_posting = self._account is not None and self._account.is_posting
        if self._will_post and not (self.job or is_posting):
            # Not at once: a POST may have ended just now, and its error says more than a cancellation.
            self._scope.deadline = anyio.current_time() + _LAST_MOMENT

    async def outcome(self) -> SwapOutcome:
        """Processes the input, and returns its outcome."""
        self._report.started()
        try:
            with self._scope:
                return await self._process()
        except BaseException:
            self._release(accepted=self.job is not None)
            raise
        return await self._stopped_outcome()

    async def resumed_outcome(self, entry: Entry) -> SwapOutcome:
        """Waits for the job of an entry of an earlier run, and returns its outcome."""
        self._report.started()
        return await self._wait_for(entry)

    async def _wait_for(self, entry: Entry) -> SwapOutcome:
        account = self._account = self._account_of(entry)
        self._report.version = entry.version
        try:
            if entry.job is None:
                raise ConfigurationError(f"the journal knows no job of {entry.id!r}, which is accepted")
            self._report.job = entry.job
            return await self._finish.wait(account, entry.job, entry.answer)
        except BaseException:
            account.release(accepted=True)
            raise

    async def intend(self, in_doubt: int, urls: tuple[str, str]) -> None:
        """Records the intent to POST, unless the batch is stopped or the swap is cancelled.

        Raises:
            Stopped, BudgetExceededError, EntryCancelled, JournalError: the POST must not be sent.
        """
        self._context.switch.check()
        try:
            await self._posting_account.intend(in_doubt, urls)
        except EntryCancelled:
            self._is_cancelled = True
            raise

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        """Records how the POST ended."""
        if job is not None:
            self._context.refusals.ended_otherwise()
        try:
            await self._posting_account.resolved(job, in_doubt)
        finally:
            self._report.job = job
            if self._context.switch.is_stopped:
                self.stop()

    def withdrawn(self, in_doubt: int) -> None:
        """Withdraws the intent to POST. The intent of a cancelled swap was never recorded."""
        if not self._is_cancelled:
            self._posting_account.withdrawn(in_doubt)

    @property
    def _posting_account(self) -> SwapAccount:
        assert self._account is not None  # noqa: S101 - a submit begins with an entry
        return self._account

    def _account_of(self, entry: Entry) -> SwapAccount:
        return SwapAccount(self._context.ledger, entry, on_failure=self._context.switch.stop)

    def _release(self, *, accepted: bool = False) -> None:
        if self._account is not None:
            self._account.release(accepted=accepted)

    async def _stopped_outcome(self) -> SwapOutcome:
        """The outcome of an item that was stopped: pending, or unknown if one of its POSTs is in doubt."""
        account = self._account
        if account is None or not account.is_in_doubt:
            return self._not_started(self._context.switch.reason)
        error = SubmissionUnknownError(
            "the batch was stopped while the swap waited to be sent again; the swap may have been accepted",
            possible_duplicates=account.in_doubt,
        )
        outcome = self._report.outcome(OutcomeState.UNKNOWN, error=error)
        # `submit` has already emitted the Failed event when this task was cancelled.
        await account.finish(outcome, unsettled_posts=account.in_doubt)
        return outcome

    def _not_started(self, reason: SwapError | None) -> SwapOutcome:
        self._release()
        return self._report.not_started(reason)

    async def _process(self) -> SwapOutcome:
        context = self._context
        try:
            check_id(self.request, needed=context.ledger.keeps_entries or context.pictures.are_saved)
            try:
                batch_input = await batch_input_of(context.uploads, self.request)
            except ImageError:
                settled = await take_without_pictures(context.entries, self.request, self._is_settled)
                if settled is None:
                    raise
                return await self._replay(settled)
            entry = await context.entries.take(batch_input.new_entry(self.request.id))
            self._report.version = entry.version
            if self._is_settled(entry):
                return await self._replay(entry)
            if entry.state is not OutcomeState.PENDING:
                entry = await context.ledger.reopen(entry)
            account = self._account = self._account_of(entry)
            file = await context.pictures.checked_file_of(self.request, entry.version)
            async with reserved(context.session.reserved_paths, file):
                return await self._pay_or_copy(account, batch_input)
        except EntryConflict as exc:
            return self._report.failed(
                OutcomeState.REJECTED, JournalError(str(exc), path=context.ledger.name)
            )
        except (ImageError, ConfigurationError) as exc:
            # Nothing was sent. The entry stays PENDING, because the user may repair the input.
            self._release()
            return self._report.failed(OutcomeState.REJECTED, exc)
        except (BudgetExceededError, JournalError) as exc:
            context.switch.stop(exc)
            return self._not_started(exc)

    def _is_settled(self, entry: Entry) -> bool:
        """Whether this run submits nothing for the entry."""
        # The failure of a job that this run waits for would not be a failure of an earlier run.
        is_waited_for = entry.number in self._context.resumed
        return is_waited_for or not entry.state.needs_submit(retry_failed=self._context.retry_failed)

    async def _replay(self, entry: Entry) -> SwapOutcome:
        """The outcome of an entry for which this run submits nothing."""
        context = self._context
        if await context.resumed.wait_for_version(entry.id) not in {None, entry.number}:
            # The job of a later version has ended in this run. That version is current now if it is done.
            entry = (await context.entries.find([entry.id])).get(entry.id, entry)
        self._report.job, self._report.version = entry.job, entry.version
        is_waited_for = entry.number in context.resumed
        if (outcome := await context.resumed.outcome(entry.number)) is not None:
            return outcome.model_copy(update={"request": self.request})
        if entry.state.is_waitable and not is_waited_for and not context.switch.is_stopped:
            return await self._wait_now(entry)
        file = await context.pictures.file_of(self.request, entry.version)
        if entry.result is None or file is None:
            return entry.outcome(self.request)
        if (result := await context.pictures.found(entry, file)) is not None:
            return entry.outcome(self.request).model_copy(update={"result": result})
        await run_in_thread(file.remove_stale)
        return await self._finish.save(self._account_of(entry), entry.result)

    async def _wait_now(self, entry: Entry) -> SwapOutcome:
        """Waits for a job that was accepted before, and for which this run did not wait from its start."""
        self._context.ledger.resume(entry)
        outcome = await self._wait_for(entry)
        if outcome.state is not OutcomeState.ACCEPTED:
            # The end of the last wait was counted. Not again, as long as nothing more is known of the job.
            self._context.count_ending(outcome)
        return outcome

    async def _pay_or_copy(self, account: SwapAccount, batch_input: BatchInput) -> SwapOutcome:
        """Submits the swap, or copies the result of another swap with the same pictures."""
        async with self._context.payers.turn(
            account,
            is_sent=lambda: self.job is not None or account.is_in_doubt or account.is_posting,
            release_slots=self._release_slots,
        ) as turn:
            if turn.original is not None:
                return await self._copy(account, turn.original)
            turn.outcome = await self._submit_and_finish(account, batch_input)
        self._context.count_ending(turn.outcome)
        return turn.outcome

    async def _copy(self, account: SwapAccount, original: Original) -> SwapOutcome:
        """The outcome of a swap that is not paid for: a copy, or PENDING if there is nothing to copy."""
        result = original.copied_result()
        if original.result is None or result is None:
            return self._not_started(original.reason_to_wait())
        async with self._context.payers.saving:
            # First the entry, as for a swap that is paid for. A crash then leaves no file without an entry.
            await self._context.ledger.copy(account.entry, result)
            self._report.job = result.job
            return await self._finish.save(account, result, original)

    async def _submit_and_finish(self, account: SwapAccount, batch_input: BatchInput) -> SwapOutcome:
        switch = self._context.switch
        try:
            with self._submitting():
                switch.check()
                await account.reserve()
                job = await submit_input(
                    self._context.session,
                    self._context.uploads,
                    batch_input,
                    swap=self._report.swap,
                    id=self.request.id,
                    account=account,
                    record=self,
                )
        except EntryCancelled:
            return await self._cancelled(account)
        except Stopped:
            return self._not_started(switch.reason)
        except SubmissionUnknownError as exc:
            if self._is_cancelled:
                # A POST of an earlier attempt is in doubt, and that is another payment.
                return await self._cancelled(account)
            return await self._finish.failed(
                account, OutcomeState.UNKNOWN, exc, unsettled_posts=exc.possible_duplicates
            )
        except REFUSES_EVERY_CALL as exc:
            switch.stop(exc)
            return self._not_started(exc)
        except PictureRefused as exc:
            return await self._rejected(account, exc.error)
        except (NotFoundError, PermissionDeniedError) as exc:
            return await self._refused(account, exc)
        except StatusError as exc:
            if isinstance(exc, BadRequestError):
                self._context.refusals.ended_otherwise()
            return await self._rejected(account, exc)
        except ResponseError as exc:
            # The error is an upload's, and says nothing about the picture: the next run may try again.
            account.release()
            return self._report.failed(OutcomeState.REJECTED, exc)
        return await self._finish.wait(account, job)

    @contextmanager
    def _submitting(self) -> Iterator[None]:
        """The part of the swap that a stop of the batch cancels. After it, the swap has ended, or is paid."""
        self._will_post = True
        try:
            with self._context.refusals.submit_under_way():
                yield
        finally:
            self._will_post = False
            self._scope.deadline = math.inf

    async def _refused(self, account: SwapAccount, error: SwapError) -> SwapOutcome:
        """The outcome of a submit that was answered 403 or 404: REJECTED, or PENDING in a stopped batch."""
        refusals = self._context.refusals
        named = with_message(error, f"the swap {self.request.id!r} was refused: {error}")
        # The verdict needs the submits of other inputs: they may need the money and the slots of this input.
        account.release()
        self._release_slots()
        if not await refusals.is_of_the_input(account.entry, named):
            return self._not_started(self._context.switch.reason)
        outcome = await self._rejected(account, named)
        await refusals.rejected(account.entry)
        return outcome

    async def _cancelled(self, account: SwapAccount) -> SwapOutcome:
        """The outcome of a swap that was cancelled before its POST: what the entry says."""
        account.release()
        id = account.entry.id
        entry = (await self._context.entries.find([id])).get(id, account.entry)
        outcome = entry.outcome(self.request)
        if outcome.error is not None:
            self._report.emit_failed(outcome.error)
        return outcome

    async def _rejected(self, account: SwapAccount, error: SwapError) -> SwapOutcome:
        # A POST can be in doubt here only if a person has resubmitted the swap, and an upload failed now.
        state = OutcomeState.UNKNOWN if account.in_doubt else OutcomeState.REJECTED
        return await self._finish.failed(account, state, error, unsettled_posts=account.in_doubt)

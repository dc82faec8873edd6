"""`Finish`: the second half of a swap of a batch, which is free: wait for the job, and save the picture."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..._errors import OutputError, SwapError, SwapExpiredError, SwapFailedError
from ..._models import SwapJob, SwapResult
from ..._outcome import OutcomeState, SwapOutcome
from ..._protocols.ledger import Ledger
from ..._swap.account import SwapAccount
from ..._swap.polling import wait
from ..known.payers import Original
from ..known.recorded import file_to_copy
from .report import Report

if TYPE_CHECKING:
    from ..._swap.session import Session
    from ..versions.pictures import Pictures


class Finish:
    """Ends one swap that was accepted, and records each end in the ledger.

    Args:
        session: The session.
        ledger: The ledger.
        pictures: The files of the pictures.
        report: The outcome of the swap.
        is_continued: Whether another run waits for the job without being told.
    """

    def __init__(
        self, session: Session, ledger: Ledger, pictures: Pictures, report: Report, *, is_continued: bool
    ) -> None:
        self._session = session
        self._ledger = ledger
        self._pictures = pictures
        self._report = report
        self._is_continued = is_continued

    async def failed(
        self, account: SwapAccount, state: OutcomeState, error: SwapError, *, unsettled_posts: int
    ) -> SwapOutcome:
        """As `Report.failed`, but the ledger records the outcome first."""
        await account.finish(self._report.outcome(state, error=error), unsettled_posts=unsettled_posts)
        return self._report.failed(state, error)

    async def wait(self, account: SwapAccount, job: SwapJob, answer: bytes | None = None) -> SwapOutcome:
        """Waits for the job, and saves its picture. `answer` is the answer of an UNREADABLE entry."""
        session, report = self._session, self._report
        try:
            try:
                result = await wait(
                    session, job, swap=report.swap, timeout=session.timeout, in_batch=True, answer=answer
                )
            except SwapFailedError as exc:
                return await self.failed(account, OutcomeState.FAILED, exc, unsettled_posts=account.in_doubt)
            except (OutputError, SwapExpiredError) as exc:
                state = OutcomeState.UNREADABLE if isinstance(exc, OutputError) else OutcomeState.EXPIRED
                return await self.failed(account, state, exc, unsettled_posts=account.in_doubt + 1)
            except SwapError as exc:
                account.release(accepted=True)
                return report.failed(OutcomeState.ACCEPTED, exc)
            await account.finish(
                report.outcome(OutcomeState.COMPLETED, result=result), unsettled_posts=account.in_doubt
            )
            return await self.save(account, result)
        except BaseException:
            session.abandon(job, swap=report.swap, is_continued=self._is_continued)
            raise

    async def save(
        self, account: SwapAccount, result: SwapResult, original: Original | None = None
    ) -> SwapOutcome:
        """Saves the picture of a swap that is done. `original` is the swap that is copied, if it is known."""
        report, pictures = self._report, self._pictures
        try:
            file = await pictures.file_of(report.request, account.entry.version)
            if file is None:
                return report.outcome(OutcomeState.COMPLETED, result=result)
            source = partial(file_to_copy, self._ledger, result, file, original)
            saved = await pictures.save(report.request, result, file, swap=report.swap, source=source)
        except SwapError as exc:
            return report.failed(OutcomeState.COMPLETED, exc, result)
        await account.save(saved)
        return report.outcome(OutcomeState.SAVED, result=saved)

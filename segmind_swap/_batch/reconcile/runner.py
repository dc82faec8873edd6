"""Compares the unknown swaps of a ledger with the account's history, and carries out what is certain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from ..._api.account.history import MAX_DAYS, HistoryState
from ..._api.account.identity import JobNames
from ..._errors import ConfigurationError
from ..._models import SwapJob
from ..._outcome import OutcomeState
from ..._protocols.entry import Entry
from ..._protocols.ledger import AmendableSource, Amendment
from .jobs import NoJob, job_of
from .listing import read_listing
from .matching import Match, match, merged, owners_of, pairs_of
from .proof import Proof
from .report import HistoryVerdict, ReconciledSwap, Reconciliation

if TYPE_CHECKING:
    from ..._swap.session import Session


_NO_PICTURES = (
    "the uploaded pictures are not kept after they are sent: only the application can pay again, if it"
    " enqueues the swap with the pictures and `pay_again`"
)


def _now() -> datetime:
    return datetime.now(UTC)


async def reconcile(
    session: Session,
    source: AmendableSource,
    *,
    apply: bool,
    resubmit_missing: int | None,
    chosen: Mapping[str, str] | None = None,
    now: Callable[[], datetime] = _now,
) -> Reconciliation:
    """Asks the account's history for each unknown swap; see `SwapClient.reconcile`.

    Args:
        session: The session.
        source: The source of the ledger, which is locked until the end.
        apply: Whether the ledger is changed.
        resubmit_missing: How many swaps shall be submitted again; None for none.
        chosen: The request ids that a person has chosen for some swaps, by the id of the swap.
        now: Returns the time.

    Raises:
        ConfigurationError: another number of swaps than `resubmit_missing` may be submitted again, or a
            request that was chosen cannot be that of its swap. Nothing was changed.
        JournalError: the ledger cannot be used.
        SwapError: the first page of the history cannot be read.
    """
    origin = str(session.http.service.origin)
    amendment = await source.amend(origin=origin, workflow=session.workflow)
    try:
        rows = await amendment.entries()
        if not any(row.state is OutcomeState.UNKNOWN for row in rows):
            _check_chosen((), chosen or {})
            return Reconciliation(applied=apply)
        gone = await amendment.without_pictures()
        found = await _compared(session, rows, now(), chosen or {}, gone)
        if resubmit_missing is not None and apply and found.may_resubmit != resubmit_missing:
            raise ConfigurationError(
                f"{found.may_resubmit} swaps may be submitted again, not {resubmit_missing}; nothing was"
                " changed"
            )
        return await _applied(amendment, rows, found, resubmit_missing) if apply else found
    finally:
        await amendment.aclose()


async def _compared(
    session: Session, rows: Sequence[Entry], now: datetime, chosen: Mapping[str, str], gone: Collection[int]
) -> Reconciliation:
    unknown = [row for row in rows if row.state is OutcomeState.UNKNOWN]
    others = [row for row in rows if row.state is not OutcomeState.UNKNOWN]
    names = {row.number: JobNames.of_entry(row) for row in rows}
    since = _first_day(unknown, now)
    listing = await read_listing(
        session,
        since=since,
        pairs=set().union(*(pairs_of(row) for row in unknown)),
        known=JobNames.union(names.values()),
    )
    proof = Proof(listing, others, owners_of(merged(listing.entries), names), since=since, now=now)
    jobs = sorted(
        (row.job for row in others if row.job is not None), key=lambda job: job.submitted_at, reverse=True
    )
    answers = match(unknown, others, listing.entries)
    _check_chosen(answers, chosen)
    swaps = []
    for answer in answers:
        swap = await _reconciled(session, answer, jobs, proof, chosen)
        swaps.append(_not_to_be_sent(swap) if answer.row.number in gone else swap)
    return Reconciliation(swaps=tuple(swaps), pages=listing.pages, incomplete=listing.incomplete)


def _first_day(unknown: Sequence[Entry], now: datetime) -> date:
    """The first day to ask for: the day before the oldest POST, because the server may have another zone."""
    oldest = min((post.at for row in unknown for post in row.posts), default=now)
    return max(oldest.date() - timedelta(days=1), now.date() - timedelta(days=MAX_DAYS - 1))


def _check_chosen(answers: Sequence[Match], chosen: Mapping[str, str]) -> None:
    """Refuses a choice that no facts allow.

    Raises:
        ConfigurationError: the swap is not unknown, the request is not one of those that may be the swap's,
            or another swap has it.
    """
    listed = {answer.row.id: {entry.request_id for entry in answer.listed} for answer in answers}
    taken = Counter(
        [
            answer.listed[0].request_id
            for answer in answers
            if answer.verdict is HistoryVerdict.FOUND and answer.row.id not in chosen
        ]
        + [*chosen.values()]
    )
    for id, request in chosen.items():
        if id not in listed:
            raise ConfigurationError(f"{id!r} is no unknown swap of this journal; nothing was changed")
        if request not in listed[id]:
            may_be = ", ".join(sorted(filter(None, listed[id]))) or "none"
            raise ConfigurationError(
                f"{request!r} cannot be the request of {id!r}: those that may be are {may_be}; nothing was"
                " changed"
            )
        if taken[request] > 1:
            raise ConfigurationError(f"{request!r} is the request of two swaps; nothing was changed")


async def _reconciled(
    session: Session, answer: Match, jobs: Sequence[SwapJob], proof: Proof, chosen: Mapping[str, str]
) -> ReconciledSwap:
    row, verdict, reason = answer.row, answer.verdict, answer.reason
    job: SwapJob | None = None
    wanted = next((entry for entry in answer.listed if entry.request_id == chosen.get(row.id)), None)
    if verdict is HistoryVerdict.FOUND or wanted is not None:
        entry = wanted or answer.listed[0]
        found = await job_of(session, row, entry, jobs)
        if isinstance(found, NoJob):
            verdict, reason = HistoryVerdict.UNCLEAR, f"{reason}; but {found.reason}"
            if entry.state is HistoryState.RUNNING:
                reason += ". The request still runs: ask again when it is done"
        else:
            job = found
    is_missing = verdict is HistoryVerdict.NOT_LISTED
    return ReconciledSwap(
        id=row.id,
        verdict=verdict,
        reason=reason,
        job=job,
        request_ids=tuple(entry.request_id for entry in answer.listed if entry.request_id is not None),
        possible_duplicates=max(0, row.billable_posts - 1, len(answer.listed) - 1),
        missing_proof=proof.missing(row) if is_missing else (),
    )


def _not_to_be_sent(swap: ReconciledSwap) -> ReconciledSwap:
    """A swap that the ledger does not let be submitted again. Said before anything is changed."""
    missing = swap.missing_proof
    if swap.verdict is HistoryVerdict.NOT_LISTED:
        missing = (*missing, _NO_PICTURES)
    return swap.model_copy(update={"pictures_are_kept": False, "missing_proof": missing})


async def _applied(
    amendment: Amendment, rows: Sequence[Entry], found: Reconciliation, resubmit_missing: int | None
) -> Reconciliation:
    # An id has a row for each version. Only its latest version can be unknown.
    row_of = {row.id: row for row in rows if row.state is OutcomeState.UNKNOWN}
    swaps: list[ReconciledSwap] = []
    for swap in found.swaps:
        changed = swap
        if swap.job is not None:
            await amendment.adopt(row_of[swap.id], swap.job)
            changed = swap.model_copy(update={"adopted": True})
        elif resubmit_missing is not None and swap.may_resubmit:
            await amendment.resubmit(row_of[swap.id])
            changed = swap.model_copy(update={"resubmitted": True})
        swaps.append(changed)
    return found.model_copy(update={"swaps": tuple(swaps), "applied": True})

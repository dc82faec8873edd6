"""The values of which the tests of the contracts are made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from segmind_swap import (
    OutcomeState,
    OutputError,
    SubmissionUnknownError,
    SwapError,
    SwapFailedError,
    SwapJob,
    SwapOutcome,
    SwapRequest,
    SwapResult,
)

from ..._protocols.entry import Entry, NewEntry, NewVersion
from ..._protocols.ledger import Ledger, LedgerSource
from ..._protocols.marks import Mark, Verdict
from ..._protocols.orders import NewOrder

ORIGIN = "https://api.segmind.com"
WORKFLOW = "contract-v1"
PRICE_USD = 0.15
URLS = ("https://inputs.example/hero.png", "https://inputs.example/street.png")
"""The URLs of the reference and of the scene of a POST."""
ANSWER = b'{"status": "COMPLETED", "image": "caf\xc3\xa9"}'
"""The body of an answer that the client could not read."""
ACCEPTED_AT = datetime(2026, 11, 22, tzinfo=UTC)
SHORT = 0.05
"""Seconds after which a task that can continue has continued."""


def a_swap(id: str = "a", *, pictures: str = "p") -> NewEntry:
    """An input of a batch. `pictures` stands for the content of both pictures."""
    return NewEntry(id=id, fingerprint=pictures, reference="hero.png", scene="street.png")


def a_version(id: str = "a", *, after: int = 1, pictures: str = "p") -> NewVersion:
    """A version that a redo is about to make."""
    return NewVersion(id=id, after=after, fingerprint=pictures, reference="another.png", scene="street.png")


def an_order(
    id: str = "a", *, owner: str | None = None, pictures: str = "p", files: str | None = None
) -> NewOrder:
    """An order. `pictures` stands for the content of both pictures, and `files` for their names."""
    name = files or id
    return NewOrder(
        swap=a_swap(id, pictures=pictures), owner=owner, pictures=(f"{name}-hero.png", f"{name}-street.png")
    )


def a_job(number: int = 1, *, possible_duplicates: int = 0) -> SwapJob:
    """An accepted job. A job with a higher number was accepted later."""
    return SwapJob(
        poll_url=f"{ORIGIN}/workflows/request/{number}",
        request_id=str(number),
        workflow=WORKFLOW,
        submitted_at=ACCEPTED_AT + timedelta(seconds=number),
        possible_duplicates=possible_duplicates,
    )


async def open_ledger(
    source: LedgerSource,
    *,
    origin: str = ORIGIN,
    workflow: str = WORKFLOW,
    price_usd: float = PRICE_USD,
    budget_usd: float | None = None,
    daily_budget_usd: float | None = None,
    failed_runs_are_free: bool = False,
    tag_of_key: Callable[[bytes], str] | None = None,
) -> Ledger:
    return await source.open(
        origin=origin,
        workflow=workflow,
        price_usd=price_usd,
        budget_usd=budget_usd,
        daily_budget_usd=daily_budget_usd,
        failed_runs_are_free=failed_runs_are_free,
        tag_of_key=tag_of_key or tag_under,
    )


def tag_under(salt: bytes) -> str:
    """The tag of the client's key: another tag for each salt."""
    return f"tag under {salt.hex()}"


async def claim(ledger: Ledger, entry: Entry, *, in_doubt: int = 0) -> None:
    """Reserves and claims, with `in_doubt` POSTs before that were answered and may have been accepted."""
    await ledger.reserve(entry)
    for doubts in range(in_doubt):
        await ledger.claim(entry, in_doubt=doubts, urls=URLS)
        await ledger.refuse(entry, in_doubt=doubts + 1)
    await ledger.claim(entry, in_doubt=in_doubt, urls=URLS)


async def claimed(ledger: Ledger, id: str = "a") -> Entry:
    """A new entry whose first POST is claimed."""
    entry = await ledger.take(a_swap(id))
    await claim(ledger, entry)
    return entry


async def accepted(ledger: Ledger, id: str, job: SwapJob, *, in_doubt: int = 0) -> Entry:
    """A new entry with an accepted job."""
    entry = await ledger.take(a_swap(id))
    await claim(ledger, entry, in_doubt=in_doubt)
    await ledger.accept(entry, job, in_doubt=in_doubt)
    return entry


def an_outcome(
    state: OutcomeState, *, job: SwapJob | None = None, cost_usd: float | None = None
) -> SwapOutcome:
    """The outcome of a swap in `state`, with a result or an error that belongs to this state."""
    result = None
    error: SwapError | None = None
    if state is OutcomeState.COMPLETED:
        result = SwapResult(
            job=job or a_job(), url=f"{ORIGIN}/a.png", outputs=(), seconds=72.0, cost_usd=cost_usd
        )
    elif state is OutcomeState.UNKNOWN:
        error = SubmissionUnknownError("no answer came")
    elif state is OutcomeState.UNREADABLE:
        error = OutputError("there is no picture", body=ANSWER, job=job)
    else:
        error = SwapFailedError("it failed", reason="no face", job=job)
    request = SwapRequest(id="a", reference_character_image="hero.png", character_image="street.png")
    return SwapOutcome(request=request, state=state, job=job, result=result, error=error)


def a_mark(
    id: str = "a",
    *,
    picture: str = "a",
    decision: Verdict = Verdict.KEEP,
    seconds: float = 0.0,
    reasons: tuple[str, ...] = (),
) -> Mark:
    """A decision about a picture, some seconds after noon. `picture` is one hexadecimal digit."""
    return Mark(
        id=id,
        sha256=picture * 64,
        decision=decision,
        reasons=reasons,
        at=ACCEPTED_AT + timedelta(seconds=seconds),
    )

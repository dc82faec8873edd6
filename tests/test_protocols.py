"""The values at the seams: what an entry says of earlier POSTs, and of its swap."""

import inspect

import pytest

from segmind_swap import OutcomeState, SwapJob, SwapRequest
from segmind_swap._http.gate import LocalGate
from segmind_swap._journal.journal import Journal
from segmind_swap._journal.ledger import SqliteLedger, StoreView
from segmind_swap._journal.money.budget_only import BudgetOnly, BudgetOnlyLedger
from segmind_swap._protocols.entry import Entry
from segmind_swap._protocols.gate import Gate
from segmind_swap._protocols.ledger import Ledger, LedgerSource, LedgerView
from segmind_swap._protocols.looks import PictureLooks
from segmind_swap._protocols.submit_record import NO_RECORD, NoRecord, SubmitRecord
from segmind_swap._review.checks.inputs import InputLooks
from segmind_swap._swap.account import SwapAccount

from .support.journal_rows import a_job

S = OutcomeState


def entry(state: OutcomeState, posts: int, job: SwapJob | None = None) -> Entry:
    return Entry(
        number=1,
        id="a",
        fingerprint="p",
        reference="hero.png",
        scene="street.png",
        state=state,
        run=1,
        billable_posts=posts,
        job=job,
    )


@pytest.mark.parametrize(
    ("state", "posts", "has_job", "in_doubt"),
    [
        (S.PENDING, 0, False, 0),
        (S.PENDING, 2, False, 2),
        (S.PENDING, 2, True, 2),
        (S.ACCEPTED, 1, True, 0),
        (S.ACCEPTED, 3, True, 2),
        (S.UNKNOWN, 1, False, 1),
        (S.FAILED, 0, True, 0),
    ],
)
def test_the_posts_beside_the_job_are_in_doubt_and_all_of_a_swap_that_is_sent_again(
    state: OutcomeState, posts: int, has_job: bool, in_doubt: int
) -> None:
    assert entry(state, posts, a_job() if has_job else None).in_doubt == in_doubt


def test_an_outcome_of_an_entry_has_the_request_or_the_names_of_its_pictures() -> None:
    known = entry(S.ACCEPTED, 1, a_job())
    outcome = known.outcome()
    assert (outcome.request.id, outcome.state, outcome.job) == ("a", S.ACCEPTED, a_job())
    assert outcome.request.reference_character_image == "hero.png"
    request = SwapRequest(id="a", reference_character_image="other.png", character_image="street.png")
    assert known.outcome(request).request is request


def test_a_conflict_names_the_ledger_the_id_and_the_pictures() -> None:
    words = entry(S.PENDING, 0).conflict("run.db")
    for word in ("run.db", "'a'", "hero.png", "street.png", "another id"):
        assert word in words


async def test_no_record_writes_nothing_down() -> None:
    await NO_RECORD.intend(0, ("r", "s"))
    await NO_RECORD.resolved(a_job(), 0)
    NO_RECORD.withdrawn(1)


@pytest.mark.parametrize(
    ("protocol", "implementation"),
    [
        (Gate, LocalGate),
        (SubmitRecord, NoRecord),
        (SubmitRecord, SwapAccount),
        (LedgerView, StoreView),
        (Ledger, SqliteLedger),
        (Ledger, BudgetOnlyLedger),
        (LedgerSource, Journal),
        (LedgerSource, BudgetOnly),
        (PictureLooks, InputLooks),
    ],
)
def test_an_implementation_has_each_member_of_its_protocol_with_the_same_parameters(
    protocol: type, implementation: type
) -> None:
    members = [name for name in dir(protocol) if not name.startswith("_")]
    assert members
    for name in members:
        wanted, made = getattr(protocol, name), getattr(implementation, name)
        if inspect.isfunction(wanted):
            assert list(inspect.signature(made).parameters) == list(inspect.signature(wanted).parameters)

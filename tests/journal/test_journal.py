"""What a journal tells of its swaps, and what a person may decide about those that are left."""

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from segmind_swap import (
    Journal,
    JournalError,
    OutcomeState,
    OutputError,
    PollPolicy,
    Rate,
    SubmissionUnknownError,
    SwapFailedError,
    SwapRequest,
)
from segmind_swap._config import BASE_URL, PRICE_USD, WORKFLOW
from segmind_swap._journal import opening as opening_module
from segmind_swap._journal.store import Store
from segmind_swap._journal.summary import JournalSummary
from segmind_swap._policy.rate.learned import write_learned
from segmind_swap._protocols.entry import Entry

from ..support.journal_rows import a_job, a_result, at, begun, row
from ..support.scripted_service import FAILED, PICTURES, Scripted, client

S = OutcomeState
POLL_URL = "https://api.segmind.com/workflows/request/99"


@pytest.fixture(params=["a file", ":memory:"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    """A journal that exists."""
    if request.param == ":memory:":
        return Journal(":memory:")
    at(tmp_path / "run.db").close()
    return Journal(str(tmp_path / "run.db"))


def filled(journal: Journal, fill: Callable[[Store], object]) -> None:
    """A run in which something is written."""
    store = begun(journal.open_writer())
    fill(store)
    store.close()


def test_the_summary_has_what_the_last_run_has_learned_of_the_rate_limit_unless_it_is_damaged(
    journal: Journal,
) -> None:
    filled(journal, lambda store: None)
    assert journal.summary().learned_rate is None
    learned = Rate(per_minute=61.5, reason="found by a 429")
    text = write_learned(learned, at=datetime.now(UTC), key_tag="tag")
    filled(journal, lambda store: store.facts.set_learned_rate(text))
    kept = journal.summary().learned_rate
    assert kept is not None
    assert (kept.rate, kept.is_same_key) == (learned, None)
    filled(journal, lambda store: store.facts.set_learned_rate(text[:-1]))
    assert journal.summary().learned_rate is None


def entry_of(journal: Journal, id: str = "a") -> Entry:
    with journal._opening.reading() as store:
        entry = store.entry_of(id)
    assert entry is not None
    return entry


# Looking


def test_a_summary_counts_the_swaps_and_the_money(journal: Journal) -> None:
    def fill(store: Store) -> None:
        row(store, "new")
        row(store, "saved", S.SAVED, posts=2, job=a_job(), result=a_result(cost_usd=0.5))
        row(store, "done", S.COMPLETED, posts=1, job=a_job(), result=a_result())
        row(store, "given up", S.ABANDONED, posts=1)
        row(store, "failed", S.FAILED)
        row(store, "first in doubt", S.UNKNOWN, posts=3)
        row(store, "second in doubt", S.UNKNOWN, posts=1)
        row(store, "under way", S.ACCEPTED, posts=1, job=a_job())
        store.facts.set_price(0.25)

    filled(journal, fill)
    summary = journal.summary()
    assert summary == JournalSummary(
        states={
            S.PENDING: 1,
            S.SAVED: 1,
            S.COMPLETED: 1,
            S.ABANDONED: 1,
            S.FAILED: 1,
            S.UNKNOWN: 2,
            S.ACCEPTED: 1,
        },
        reserved_usd=5 * 0.25,
        spent_usd=0.5 + 0.25 + 0.25 + 0.25,
        unknown=("first in doubt", "second in doubt"),
    )
    assert json.loads(summary.model_dump_json())["states"]["unknown"] == 2


def test_a_new_journal_has_nothing_and_the_usual_price(journal: Journal) -> None:
    assert journal.summary() == JournalSummary(states={}, reserved_usd=0, spent_usd=0, unknown=())
    assert list(journal.outcomes()) == []
    filled(journal, lambda store: row(store, state=S.UNKNOWN, posts=1))
    assert journal.summary().reserved_usd == PRICE_USD


def test_outcomes_are_the_swaps_in_their_order_with_all_that_is_known(journal: Journal) -> None:
    error = SubmissionUnknownError("it may have been accepted", status_code=504, possible_duplicates=2)

    def fill(store: Store) -> None:
        row(store, "c", S.SAVED, posts=1, job=a_job(1), result=a_result(1, path=Path("out/c.png")))
        row(store, "a", S.UNKNOWN, posts=2, job=a_job(2), error=error)
        row(store, "b")

    filled(journal, fill)
    saved, unknown, pending = journal.outcomes()
    assert saved.request == SwapRequest(
        id="c", reference_character_image="hero.png", character_image="street.png"
    )
    assert (saved.state, saved.ok, saved.path) == (S.SAVED, True, Path("out/c.png"))
    assert saved.unwrap() == a_result(1, path=Path("out/c.png"))
    assert (unknown.state, unknown.ok, unknown.job) == (S.UNKNOWN, False, a_job(2))
    assert isinstance(unknown.error, SubmissionUnknownError)
    assert (unknown.error.status_code, unknown.error.possible_duplicates) == (504, 2)
    assert unknown.error.job == a_job(2)
    assert (pending.request.id, pending.state, pending.error) == ("b", S.PENDING, None)
    assert [outcome.request.id for outcome in journal.outcomes(S.UNKNOWN)] == ["a"]


def test_outcomes_that_are_not_taken_to_their_end_hold_nothing(journal: Journal) -> None:
    filled(journal, lambda store: [row(store, id) for id in "abc"])
    outcomes = journal.outcomes()
    assert next(outcomes).request.id == "a"
    filled(journal, lambda store: row(store, "d"))
    del outcomes
    assert len(list(journal.outcomes())) == 4


def test_a_damaged_row_is_a_journal_error_for_all_who_look(journal: Journal) -> None:
    def damage(store: Store) -> None:
        row(store)
        store._db.execute("UPDATE swaps SET state = 'lost'")

    filled(journal, damage)
    with pytest.raises(JournalError, match="could not be read"):
        journal.summary()
    with pytest.raises(JournalError, match="damaged entry of 'a'"):
        list(journal.outcomes())
    with pytest.raises(JournalError, match="damaged entry of 'a'"):
        journal.resubmit("a")


@pytest.mark.parametrize(
    "use",
    [
        Journal.summary,
        lambda journal: list(journal.outcomes()),
        lambda journal: journal.resubmit("a"),
        lambda journal: journal.abandon("a"),
        lambda journal: journal.wait_again("a", poll_url=POLL_URL),
    ],
)
def test_a_journal_that_does_not_exist_is_an_error_and_not_made(
    use: Callable[[Journal], object], tmp_path: Path
) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        use(Journal(tmp_path / "run.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_journal_shows_its_path() -> None:
    journal = Journal(Path("runs") / "run.db")
    assert repr(journal) == f"Journal({str(Path('runs') / 'run.db')!r})"


# Deciding

ACTS: dict[str, tuple[Callable[[Journal, str], None], OutcomeState, set[OutcomeState]]] = {
    "resubmit": (
        Journal.resubmit,
        S.PENDING,
        {S.UNKNOWN, S.EXPIRED, S.UNREADABLE, S.FAILED, S.REJECTED, S.ABANDONED},
    ),
    "abandon": (Journal.abandon, S.ABANDONED, {S.UNKNOWN, S.EXPIRED, S.UNREADABLE, S.ACCEPTED}),
    "wait_again": (Journal.wait_again, S.ACCEPTED, {S.UNKNOWN, S.EXPIRED, S.FAILED, S.ABANDONED}),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_person_may_decide_about_what_is_left_and_nothing_else(journal: Journal, act: str) -> None:
    decide, becomes, allowed = ACTS[act]

    def fill(store: Store) -> None:
        for state in S:
            result = a_result() if state in {S.COMPLETED, S.SAVED} else None
            row(store, state, state, posts=1, job=a_job(), result=result)
        store._db.execute("UPDATE swaps SET state = 'sending' WHERE id = 'sending'")

    filled(journal, fill)
    for state in S:
        # What is sent when a batch is killed is unknown, as soon as a person may write.
        if state in allowed or (state is S.SENDING and S.UNKNOWN in allowed):
            decide(journal, state.upper())
            entry = entry_of(journal, state)
            is_new_attempt = act == "resubmit" and state in {S.FAILED, S.UNREADABLE}
            assert (entry.state, entry.error) == (becomes, None)
            assert (entry.billable_posts, entry.closed_posts) == ((0, 1) if is_new_attempt else (1, 0))
        else:
            with pytest.raises(JournalError, match=f"^'{state}' ") as caught:
                decide(journal, state.upper())
            assert caught.value.path == str(journal.path)
            assert entry_of(journal, state).state is state


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("id", ["b", "", "\ud800", "a" * 10_000])
def test_an_id_that_the_journal_does_not_know_is_an_error(journal: Journal, act: str, id: str) -> None:
    filled(journal, row)
    with pytest.raises(JournalError):
        ACTS[act][0](journal, id)
    assert journal.summary().states == {S.PENDING: 1}


def test_what_is_given_up_stays_counted(journal: Journal) -> None:
    filled(journal, lambda store: row(store, state=S.UNKNOWN, posts=2))
    journal.abandon("a")
    summary = journal.summary()
    assert (summary.unknown, summary.reserved_usd) == ((), 0)
    assert summary.spent_usd == pytest.approx(2 * PRICE_USD)


def test_what_is_to_be_sent_again_stays_counted(journal: Journal) -> None:
    filled(journal, lambda store: row(store, state=S.UNKNOWN, posts=2))
    journal.resubmit("a")
    assert journal.summary().spent_usd == pytest.approx(2 * PRICE_USD)


def test_a_job_that_nobody_knows_is_waited_for_at_the_address_of_the_accounts_history(
    journal: Journal,
) -> None:
    filled(journal, lambda store: row(store, state=S.UNKNOWN, posts=2))
    with pytest.raises(JournalError, match=r"'a' has no job in the journal, .* give its `poll_url`"):
        journal.wait_again("a")
    before = datetime.now(UTC)
    journal.wait_again("a", poll_url=POLL_URL)
    entry = entry_of(journal)
    assert (entry.state, entry.billable_posts) == (S.ACCEPTED, 2)
    assert entry.job is not None
    assert (entry.job.poll_url, entry.job.workflow) == (POLL_URL, WORKFLOW)
    assert entry.job.possible_duplicates == 1, "the other of its two POSTs may have been accepted, too"
    assert before <= entry.job.submitted_at <= datetime.now(UTC)


def test_another_address_takes_the_place_of_the_jobs(journal: Journal) -> None:
    job = a_job().model_copy(update={"workflow": "w-2"})
    filled(journal, lambda store: row(store, state=S.EXPIRED, posts=1, job=job))
    journal.wait_again("a", poll_url=POLL_URL)
    waited_for = entry_of(journal).job
    assert waited_for is not None
    assert (waited_for.poll_url, waited_for.workflow) == (POLL_URL, "w-2")
    assert waited_for.possible_duplicates == 0


def test_a_swap_that_the_journal_does_not_know_is_named_in_the_error(journal: Journal) -> None:
    filled(journal, lambda store: row(store, state=S.UNKNOWN, posts=1))
    for decide in (journal.resubmit, journal.abandon, journal.wait_again):
        with pytest.raises(JournalError, match=r"the journal .* has no swap 'b'; it has, for example, 'a'$"):
            decide("b")


def test_an_address_that_is_no_text_is_an_error(journal: Journal) -> None:
    filled(journal, lambda store: row(store, state=S.UNKNOWN, posts=1))
    with pytest.raises(JournalError):
        journal.wait_again("a", poll_url="https://api.segmind.com/\ud800")
    assert entry_of(journal).state is S.UNKNOWN


@pytest.mark.parametrize(
    ("failed_runs", "posts", "counted"), [(1, 0, 1), (1, 2, 3), (3, 0, 1), (0, 1, 1), (0, 0, 1)]
)
def test_the_post_of_a_job_that_is_waited_for_again_counts_again_and_once(
    journal: Journal, failed_runs: int, posts: int, counted: int
) -> None:
    error = SwapFailedError("the swap failed", reason="no face")
    filled(
        journal,
        lambda store: row(
            store, state=S.FAILED, posts=posts, failed_runs=failed_runs, job=a_job(), error=error
        ),
    )
    journal.wait_again("a")
    entry = entry_of(journal)
    assert (entry.billable_posts, entry.failed_runs) == (counted, max(0, failed_runs - 1))


def test_another_job_of_a_swap_that_failed_counts_beside_the_failed_run(journal: Journal) -> None:
    filled(journal, lambda store: row(store, state=S.FAILED, failed_runs=1, job=a_job()))
    journal.wait_again("a", poll_url=POLL_URL)
    entry = entry_of(journal)
    assert (entry.billable_posts, entry.failed_runs) == (1, 1)
    assert journal.summary().committed_usd == pytest.approx(2 * PRICE_USD)


def test_failed_runs_are_counted_as_the_last_run_was_told_or_as_the_caller_says(journal: Journal) -> None:
    filled(journal, lambda store: row(store, state=S.FAILED, posts=1, failed_runs=2, job=a_job()))
    assert journal.summary().committed_usd == pytest.approx(3 * PRICE_USD)
    assert journal.summary(failed_runs_are_free=True).committed_usd == pytest.approx(PRICE_USD)
    filled(journal, lambda store: store.facts.set_failed_runs_are_free(True))
    assert journal.summary().committed_usd == pytest.approx(PRICE_USD)
    assert journal.summary(failed_runs_are_free=False).committed_usd == pytest.approx(3 * PRICE_USD)


def test_an_unreadable_answer_is_kept_when_the_swap_is_given_up_and_waited_for_again(
    journal: Journal,
) -> None:
    error = OutputError("there is no picture", body=b'{"status": "COMPLETED"}', job=a_job())
    filled(journal, lambda store: row(store, state=S.UNREADABLE, posts=1, job=a_job(), error=error))
    journal.abandon("a")
    journal.wait_again("a")
    entry = entry_of(journal)
    assert (entry.state, entry.answer, entry.billable_posts) == (S.UNREADABLE, error.body, 1)
    journal.abandon("a")
    journal.wait_again("a", poll_url=POLL_URL)
    assert (entry_of(journal).state, entry_of(journal).answer) == (S.ACCEPTED, None)


@pytest.mark.parametrize("given_up", [False, True])
def test_an_unreadable_swap_that_a_person_submits_again_starts_without_its_answer_and_with_its_money(
    journal: Journal, given_up: bool
) -> None:
    error = OutputError("there is no picture", body=b"{}", job=a_job())
    filled(journal, lambda store: row(store, state=S.UNREADABLE, posts=2, job=a_job(), error=error))
    if given_up:
        journal.abandon("a")
    journal.resubmit("a")
    entry = entry_of(journal)
    assert (entry.state, entry.job, entry.answer, entry.in_doubt) == (S.PENDING, None, None, 0)
    assert journal.summary().committed_usd == pytest.approx(2 * PRICE_USD)


# While a batch is at work


def requests(count: int) -> list[SwapRequest]:
    return [SwapRequest(id=str(number), **PICTURES) for number in range(count)]


async def _look_while_a_batch_writes(journal: Journal) -> None:
    service = Scripted()
    polling = PollPolicy(interval=0.01, first_after=0)
    async with (
        client(service, polling=polling) as swaps,
        swaps.swap_many(requests(12), journal=journal, concurrency=3) as outcomes,
    ):
        looked_at = journal.outcomes()
        async for outcome in outcomes:
            assert outcome.state is S.COMPLETED
            assert journal.summary().states[S.COMPLETED] >= 1
            with suppress(StopIteration):
                # Begun once, and gone on with while others write.
                assert next(looked_at).request.id is not None
            for act, *_ in ACTS.values():
                with pytest.raises(JournalError, match="in use"):
                    act(journal, "0")
        del looked_at
        assert outcomes.stopped_by is None
    assert service.count("submit") == 12
    assert journal.summary().states == {S.COMPLETED: 12}


@pytest.mark.real_time
async def test_a_journal_can_be_looked_at_and_not_decided_about_while_a_batch_writes_it(
    tmp_path: Path,
) -> None:
    at(tmp_path / "run.db").close()
    await _look_while_a_batch_writes(Journal(tmp_path / "run.db"))


async def test_a_journal_in_memory_can_be_looked_at_while_a_batch_writes_it() -> None:
    await _look_while_a_batch_writes(Journal(":memory:"))


@pytest.mark.real_time
@pytest.mark.parametrize("how", ["open", "look"])
async def test_a_journal_whose_opener_was_cancelled_is_closed(
    how: str, loop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if loop != "asyncio":
        pytest.skip("trio has no plain task cancellation")
    path = tmp_path / "run.db"
    at(path).close()
    is_opening, may_go_on, has_closed = threading.Event(), threading.Event(), threading.Event()

    def slowly(opening: Callable[[Path], Store]) -> Callable[[Path], Store]:
        def opened(path: Path) -> Store:
            is_opening.set()
            may_go_on.wait()
            return opening(path)

        return opened

    def close(store: Store, close: Callable[[Store], None] = Store.close) -> None:
        close(store)
        has_closed.set()

    monkeypatch.setattr(Store, "close", close)
    for name in ("open_writer", "open_reader"):
        monkeypatch.setattr(opening_module, name, slowly(getattr(opening_module, name)))

    async def use() -> None:
        if how == "look":
            await Journal(path).look()
        else:
            await Journal(path).open(origin=BASE_URL, workflow=WORKFLOW, price_usd=0.15, budget_usd=None)

    task = asyncio.create_task(use())
    await anyio.to_thread.run_sync(is_opening.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not has_closed.is_set()
    may_go_on.set()
    assert await anyio.to_thread.run_sync(has_closed.wait, 30)
    at(path).close()


async def test_what_was_decided_is_what_the_next_run_does() -> None:
    journal = Journal(":memory:")
    service = Scripted(poll=FAILED)

    async def run() -> list[OutcomeState]:
        async with client(service) as swaps:
            outcomes = await swaps.swap_all(requests(3), journal=journal)
            await anyio.lowlevel.checkpoint()
            return [outcome.state for outcome in outcomes]

    assert await run() == [S.FAILED] * 3
    journal.resubmit("0")
    journal.wait_again("1")
    service.steps.update(Scripted().steps)
    polls = service.count("poll")
    assert await run() == [S.COMPLETED, S.COMPLETED, S.FAILED]
    assert (service.count("submit"), service.count("poll") - polls) == (4, 2)
    assert [entry_of(journal, id).billable_posts for id in "012"] == [1, 1, 0]

"""A row goes forward only: nothing that was paid, or may have been, comes back to where it is sent."""

import itertools
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from segmind_swap import (
    JournalError,
    OutcomeState,
    ServerError,
    SubmissionUnknownError,
    SwapFailedError,
    SwapJob,
)
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._journal.connection import Memory, open_reader
from segmind_swap._journal.store import Store
from segmind_swap._policy.budget import Spent
from segmind_swap._protocols.entry import Entry, EntryConflict, NewEntry

from ..support.journal_rows import a_job, a_result, at, begun, in_memory, offered, row, taken

S = OutcomeState
NOW = datetime.now(UTC)

BY_ITSELF = """
pending   pending sending rejected unknown abandoned
sending   pending sending accepted unreadable completed saved rejected unknown failed expired
accepted  accepted unreadable completed saved failed expired
unreadable unreadable completed saved
completed completed saved
saved     saved
expired   accepted
"""
BY_HAND = """
accepted  abandoned
unknown   pending accepted abandoned
expired   pending accepted abandoned
unreadable pending abandoned
failed    pending accepted
rejected  pending
abandoned pending accepted unreadable
"""


def _pairs(table: str) -> set[tuple[OutcomeState, OutcomeState]]:
    words = (line.split() for line in table.split("\n") if line)
    return {(S(before), S(after)) for before, *afters in words for after in afters}


def _lets(store: Store, number: int, state: OutcomeState, *, manual: bool = False) -> bool:
    try:
        store.step(number, state, manual=manual)
    except JournalError as error:
        assert f"become {state}" in str(error)
        return False
    return True


# Steps


@pytest.mark.parametrize(("table", "manual"), [(BY_ITSELF, False), (BY_HAND, True)], ids=["itself", "hand"])
def test_every_step_that_is_not_in_the_table_is_refused(table: str, manual: bool) -> None:
    store = in_memory()
    allowed: set[tuple[OutcomeState, OutcomeState]] = set()
    for before, after in itertools.product(S, S):
        number = row(store, f"{before} {after}", before, posts=1, job=a_job())
        earlier = store.entry(number)
        assert earlier.state is before
        if _lets(store, number, after, manual=manual):
            allowed.add((before, after))
            assert store.entry(number).state is after
        else:
            assert store.entry(number) == earlier, "a refused step changes nothing"
    assert allowed == _pairs(table)


def test_no_chain_of_steps_leads_what_may_have_been_paid_back_to_where_it_is_sent() -> None:
    pairs = _pairs(BY_ITSELF)
    for first in set(S) - {S.PENDING, S.SENDING}:
        reached = {first}
        while more := {after for before, after in pairs if before in reached} - reached:
            reached |= more
        assert not reached & {S.PENDING, S.SENDING}, first


def test_a_step_keeps_what_it_is_not_given_but_for_the_error() -> None:
    store = in_memory()
    error = SwapFailedError("the swap failed", reason="no face")
    number = row(store, state=S.ACCEPTED, posts=2, job=a_job(), error=error)
    kept = store.entry(number)
    assert (kept.billable_posts, kept.job) == (2, a_job())
    assert isinstance(kept.error, SwapFailedError)
    assert (kept.error.reason, kept.error.job) == ("no face", a_job())
    store.step(number, S.COMPLETED, result=a_result())
    store.step(number, S.SAVED)
    saved = store.entry(number)
    assert (saved.state, saved.billable_posts, saved.job, saved.result) == (S.SAVED, 2, a_job(), a_result())
    assert saved.error is None


def test_a_swap_that_failed_and_is_to_be_sent_again_has_no_job_any_more() -> None:
    store = in_memory()
    number = row(store, state=S.FAILED, job=a_job(1))
    store.step(number, S.PENDING, manual=True)
    store.step(number, S.SENDING, billable_posts=1)
    begun(store)
    unknown = store.entry(number)
    assert (unknown.state, unknown.billable_posts, unknown.job) == (S.UNKNOWN, 1, None), (
        "no answer came for this POST"
    )


@pytest.mark.parametrize("state", [S.EXPIRED, S.UNKNOWN, S.ABANDONED])
def test_a_job_that_may_still_bring_its_picture_stays_when_the_swap_is_to_be_sent_again(
    state: OutcomeState,
) -> None:
    store = in_memory()
    number = row(store, state=state, posts=1, job=a_job(1))
    store.step(number, S.PENDING, manual=True)
    assert (store.entry(number).job, store.entry(number).billable_posts) == (a_job(1), 1)


def test_a_row_that_does_not_exist_takes_no_step() -> None:
    with pytest.raises(JournalError, match="does not let entry 7 become sending"):
        in_memory().step(7, S.SENDING)


# Inputs


def test_a_new_input_becomes_a_pending_row_with_all_that_tells_it_apart() -> None:
    entry = taken(in_memory(), "hero")
    assert entry == Entry(
        number=1,
        id="hero",
        fingerprint="p",
        reference="hero.png",
        scene="street.png",
        state=S.PENDING,
        run=1,
        billable_posts=0,
        job=None,
        result=None,
        error=None,
    )


def test_the_same_input_is_the_same_row_in_the_next_run() -> None:
    store = in_memory()
    number = row(store, state=S.ACCEPTED, posts=1, job=a_job())
    again = taken(begun(store))
    assert (again.number, again.state, again.job) == (number, S.ACCEPTED, a_job())
    assert store.counts() == {S.ACCEPTED: 1}


def test_the_same_id_with_other_pictures_is_refused_and_named() -> None:
    store = in_memory()
    taken(store)
    with pytest.raises(EntryConflict) as caught:
        offered(begun(store), "a", "other pictures")
    assert "knows the id 'a' with other pictures (hero.png into street.png)" in str(caught.value)
    assert isinstance(offered(store, "a", "p"), Entry), "the refused input has not used the id up"


@pytest.mark.parametrize(
    ("first", "second"), [("a", "a"), ("Hero", "hero"), ("straße", "STRASSE"), ("caf\u00e9", "cafe\u0301")]
)
def test_two_inputs_of_a_run_whose_files_could_be_one_are_refused(first: str, second: str) -> None:
    store = in_memory()
    taken(store, first)
    with pytest.raises(EntryConflict) as caught:
        offered(store, second)
    assert f"the id {second!r} was given to another swap of this run already (as {first!r})" in str(
        caught.value
    )
    assert isinstance(offered(begun(store), second), Entry), "in the next run it is the same row"
    assert store.counts() == {S.PENDING: 1}


def test_a_file_name_that_is_no_text_is_kept_as_well_as_it_can_be() -> None:
    store = in_memory()
    with store.transaction():
        entry = store.take(
            NewEntry(id="a", fingerprint="p", reference="caf\udce9.png", scene="s\u00fc\u00df.png")
        )
    assert isinstance(entry, Entry)
    assert (entry.reference, entry.scene) == (r"caf\udce9.png", "s\u00fc\u00df.png")


def test_a_row_is_found_by_its_key_and_jobs_come_oldest_first() -> None:
    store = in_memory()
    assert store.entry_of("a") is None
    old = a_job(1).model_copy(update={"submitted_at": a_job().submitted_at.replace(year=2025)})
    young = row(store, "a", S.ACCEPTED, posts=1, job=a_job(2))
    oldest = row(store, "b", S.ACCEPTED, posts=1, job=old)
    youngest = row(store, "c", S.ACCEPTED, posts=1, job=a_job(3).model_copy(update={"submitted_at": NOW}))
    row(store, "d", S.EXPIRED, posts=1, job=a_job(4))
    known = store.entry_of("a")
    assert known is not None
    assert known.number == young
    unreadable = row(store, "e", S.UNREADABLE, posts=1, job=a_job(5).model_copy(update={"submitted_at": NOW}))
    assert store.waitable() == [oldest, young, youngest, unreadable]


# Runs


def test_what_was_on_its_way_when_a_run_ended_is_unknown_in_the_next_and_not_sent() -> None:
    store = in_memory()
    states = {state: row(store, state, state, posts=2, job=a_job()) for state in S}
    begun(store)
    assert store.run == 2
    for state, number in states.items():
        entry = store.entry(number)
        assert entry.state is (S.UNKNOWN if state is S.SENDING else state)
    entry = store.entry(states[S.SENDING])
    assert isinstance(entry.error, SubmissionUnknownError)
    assert (entry.billable_posts, entry.error.possible_duplicates) == (2, 2)
    assert "may have been accepted" in str(entry.error)


@pytest.mark.parametrize(
    ("origin", "workflow", "name"),
    [("https://other.example", WORKFLOW, "origin"), (BASE_URL, "w-2", "workflow")],
)
def test_a_journal_belongs_to_one_service_and_workflow(origin: str, workflow: str, name: str) -> None:
    store = in_memory()
    number = row(store, state=S.SENDING, posts=1)
    with pytest.raises(JournalError, match=f"belongs to the {name} .* cannot be waited for there"):
        begun(store, origin=origin, workflow=workflow)
    assert store.entry(number).state is S.SENDING, "nothing was changed"
    assert begun(store).run == 2


def test_a_transaction_that_raises_leaves_nothing_behind() -> None:
    store = in_memory()
    number = row(store)
    with pytest.raises(LookupError), store.transaction():
        store.step(number, S.SENDING, billable_posts=1)
        raise LookupError
    assert store.entry(number).state is S.PENDING
    with store.transaction():
        store.step(number, S.SENDING, billable_posts=1)
    assert store.entry(number).state is S.SENDING


# Looking


def test_rows_come_in_the_order_of_their_first_run_all_or_those_of_one_state() -> None:
    store = in_memory()
    for number in range(1200):
        row(store, str(number), S.ACCEPTED if number % 3 else S.UNKNOWN, posts=1, job=a_job(number))
    assert [entry.id for entry in store.entries()] == [str(number) for number in range(1200)]
    unknown = [entry.id for entry in store.entries(S.UNKNOWN)]
    assert unknown == [str(number) for number in range(0, 1200, 3)]
    assert store.counts() == {S.ACCEPTED: 800, S.UNKNOWN: 400}
    assert list(store.entries(S.SAVED)) == []


def test_a_look_is_of_one_moment_while_another_writes(tmp_path: Path) -> None:
    writer = at(tmp_path / "run.db")
    number = row(writer)
    reader = open_reader(tmp_path / "run.db")
    with reader.snapshot():
        assert reader.counts() == {S.PENDING: 1}
        with writer.transaction():
            writer.step(number, S.SENDING, billable_posts=1)
        assert reader.counts() == {S.PENDING: 1}
    assert reader.counts() == {S.SENDING: 1}
    reader.close()
    writer.close()


# Money


def test_a_row_costs_what_the_service_told_or_the_price_and_its_other_posts_are_held() -> None:
    store = in_memory()
    row(store, "pending")
    row(store, "refused", S.REJECTED)
    row(store, "failed", S.FAILED, job=a_job())
    row(store, "cheap", S.SAVED, posts=1, job=a_job(), result=a_result(cost_usd=0.01))
    row(store, "untold", S.COMPLETED, posts=1, job=a_job(), result=a_result())
    row(store, "dear", S.COMPLETED, posts=3, job=a_job(), result=a_result(cost_usd=0.5))
    row(store, "unknown", S.UNKNOWN, posts=2)
    row(store, "abandoned", S.ABANDONED, posts=1)
    row(store, "accepted", S.ACCEPTED, posts=1, job=a_job())
    assert store.money(0.25) == Spent(
        settled_micro_usd=250_000 + 250_000 + 500_000, unsettled_posts=2 + 2 + 1 + 1
    )
    assert store.money(0.25, [S.UNKNOWN, S.ACCEPTED]) == Spent(unsettled_posts=3)
    assert store.money(0.25, [S.SAVED]) == Spent(settled_micro_usd=250_000)
    assert store.money(1.0, [S.COMPLETED]) == Spent(settled_micro_usd=2_000_000, unsettled_posts=2)
    assert store.money(0.25, []) == Spent()


# Damage

DAMAGED: list[tuple[str, object]] = [
    ("job", "{"),
    ("job", "{}"),
    ("job", b"\xff"),
    ("job", "7"),
    ("result", "[]"),
    ("result", '{"url": 7}'),
    ("error", "["),
    ("error", "[]"),
    ("error", "7"),
    ("error", b"\xff\xfe"),
    ("error", '{"error": "Exception", "message": "x"}'),
    ("error", '{"error": "SwapError", "message": 7}'),
    ("state", "lost"),
    ("state", "accepted "),
]


def _damage(store: Store, number: int, column: str, value: object) -> None:
    store._db.execute(f"UPDATE swaps SET {column} = ? WHERE number = ?", (value, number))


def test_a_row_of_a_newer_version_is_read_without_the_fields_that_are_new() -> None:
    store = in_memory()
    error = SwapFailedError("it failed", reason="no face", job=a_job())
    number = row(store, state=S.COMPLETED, posts=1, job=a_job(), result=a_result(cost_usd=0.2), error=error)
    before = store.entry(number)
    for column in ("job", "result", "error"):
        store._db.execute(f"UPDATE swaps SET {column} = json_set({column}, '$.not_a_field', 1)")
    store._db.execute("UPDATE swaps SET result = json_set(result, '$.job.not_a_field', 1)")
    after = store.entry(number)
    assert (after.state, after.job, after.result) == (before.state, before.job, before.result)
    assert isinstance(after.error, SwapFailedError)
    assert after.error.reason == "no face"
    assert store.money(0.1).settled_micro_usd == 200_000


@pytest.mark.parametrize(("column", "value"), DAMAGED)
def test_a_damaged_row_is_an_error_that_names_it_and_never_a_row_to_be_sent(
    column: str, value: object
) -> None:
    store = in_memory()
    number = row(store)
    _damage(store, number, column, value)
    looks: list[Callable[[], object]] = [
        lambda: list(store.entries()),
        lambda: store.entry(number),
        lambda: store.entry_of("a"),
        lambda: offered(store, "a"),
    ]
    begun(store)
    for look in looks:
        with pytest.raises(JournalError, match="has a damaged entry of 'a'"):
            look()


@pytest.mark.parametrize("cost", ['"much"', "[]", "{}", "1e999", "-1e999"])
def test_a_cost_that_is_no_amount_is_a_journal_error(cost: str) -> None:
    store = in_memory()
    number = row(store, state=S.COMPLETED, posts=1, job=a_job(), result=a_result())
    _damage(store, number, "result", f'{{"cost_usd": {cost}}}')
    with pytest.raises(JournalError, match="could not be read"):
        store.money(0.25)


@pytest.mark.parametrize("text", ["{", b"\xff"])
def test_a_result_that_is_no_json_is_a_journal_error_when_the_money_is_counted(text: str | bytes) -> None:
    store = in_memory()
    number = row(store, state=S.COMPLETED, posts=1, job=a_job(), result=a_result())
    _damage(store, number, "result", text)
    with pytest.raises(JournalError, match="could not be read"):
        store.money(0.25)


@pytest.mark.parametrize("price", ["cheap", "nan", "inf", ""])
def test_a_price_that_is_no_amount_is_a_journal_error(price: str) -> None:
    store = in_memory()
    store.facts.set("price_usd", price)
    with pytest.raises(JournalError, match="could not be read"), store.snapshot():
        _ = store.facts.price_usd


def test_a_count_of_runs_that_is_no_number_is_a_journal_error() -> None:
    store = in_memory()
    store.facts.set("runs", "many")
    with pytest.raises(JournalError, match="could not be written"):
        begun(store)


def test_a_state_that_does_not_exist_is_a_journal_error_when_rows_are_counted() -> None:
    store = in_memory()
    _damage(store, row(store), "state", "lost")
    with pytest.raises(JournalError, match="could not be read"), store.snapshot():
        store.counts()


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), OSError("no disk")])
def test_trouble_of_the_disk_is_a_journal_error_and_takes_the_transaction_back(error: Exception) -> None:
    store = in_memory()
    number = row(store)
    with pytest.raises(JournalError, match=r"could not be written: .*disk") as caught, store.transaction():
        store.step(number, S.SENDING, billable_posts=1)
        raise error
    assert caught.value.path == ":memory:"
    assert store.entry(number).state is S.PENDING


def test_an_error_without_a_job_of_its_own_has_the_rows() -> None:
    store = in_memory()
    error = ServerError("answered 500", status_code=500)
    job = SwapJob(poll_url="https://api.segmind.com/1", workflow=WORKFLOW)
    entry = store.entry(row(store, state=S.UNKNOWN, posts=1, job=job, error=error))
    assert isinstance(entry.error, ServerError)
    assert (entry.error.status_code, entry.error.job) == (500, job)


def test_a_store_that_was_closed_can_be_closed_again_and_complains_otherwise(tmp_path: Path) -> None:
    store = at(tmp_path / "run.db")
    store.close()
    store.close()
    with pytest.raises(JournalError, match="closed"), store.transaction():
        pass
    with pytest.raises(JournalError, match="closed"):
        store.money(0.25)
    memory = Memory()
    memory.open_writer().close()
    memory.open_writer().close()

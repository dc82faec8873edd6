"""The contract tests find ledgers and gates that break a rule of money: each has one mistake here."""

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from segmind_swap import Journal, OutcomeState, RateLimit, RetryPolicy, SwapJob
from segmind_swap._api.account.identity import JobNames
from segmind_swap._http.gate import LocalGate
from segmind_swap._journal.adoption.amendment import JournalAmendment
from segmind_swap._journal.ledger import SqliteLedger
from segmind_swap._journal.money.budget import Reservations
from segmind_swap._journal.store import Store
from segmind_swap._policy.budget import Budget
from segmind_swap._policy.daily_budget import DailyBudget
from segmind_swap._protocols.entry import Entry, NewEntry, NewVersion
from segmind_swap._protocols.gate import Admission, Gate
from segmind_swap._protocols.ledger import Ledger, LedgerSource
from segmind_swap.testing.contracts import (
    AmendmentContract,
    GateContract,
    LedgerContract,
    MoneyContract,
    OrdersContract,
)


class _Contract(LedgerContract):
    async def crash(self, ledger: Ledger) -> None:
        assert isinstance(ledger, SqliteLedger)
        await ledger._writer.aclose()

    def set_clock(self, source: LedgerSource, now: Callable[[], datetime]) -> None:
        assert isinstance(source, Journal)
        source._opening.clock = now


class _Amendments(AmendmentContract):
    crash = _Contract.crash


def contract_tests(contract: object) -> Iterator[Callable[..., None]]:
    for name in dir(contract):
        if name.startswith("test_"):
            yield getattr(contract, name)


def failures(contract: object, make: Callable[[], object]) -> set[str]:
    """The tests that fail, each with a new object, on asyncio."""
    failed = set()
    for test in contract_tests(contract):
        marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
        cases: list[dict[str, Any]] = [{}]
        for mark in marks:
            names = [mark.args[0]] if isinstance(mark.args[0], str) else list(mark.args[0])
            cases = [
                dict(zip(names, value if len(names) > 1 else (value,), strict=True)) for value in mark.args[1]
            ]
        for case in cases:
            try:
                test(make(), "asyncio", **case)
            except BaseException:
                failed.add(test.__name__)
    return failed


def journal() -> Journal:
    return Journal(":memory:")


def test_the_ledger_of_this_package_breaks_no_rule() -> None:
    assert failures(_Contract(), journal) == set()


@contextmanager
def changed(owner: type, name: str, value: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        # A claim that a mistake leaves open is waited for when the ledger closes.
        patch.setattr("segmind_swap._journal.money.budget.GRACE", 0.1)
        patch.setattr("segmind_swap._journal.money.budget._CLEANUP", 0.1)
        patch.setattr(MoneyContract, "patience", 1.0)
        patch.setattr(owner, name, value)
        yield


async def _claims_without_writing(
    self: SqliteLedger, entry: Entry, *, in_doubt: int, urls: tuple[str, str]
) -> None:
    self._reservations.ensure(entry, in_doubt + 1)
    self._claims.add(entry)


async def _claims_without_money(
    self: SqliteLedger, entry: Entry, *, in_doubt: int, urls: tuple[str, str]
) -> None:
    await self._step(entry, OutcomeState.SENDING, billable_posts=in_doubt + 1)
    self._claims.add(entry)


async def _claims_without_urls(
    self: SqliteLedger, entry: Entry, *, in_doubt: int, urls: tuple[str, str]
) -> None:
    self._reservations.ensure(entry, in_doubt + 1)
    await self._step(entry, OutcomeState.SENDING, billable_posts=in_doubt + 1)
    self._claims.add(entry)


async def _adopts_anything(self: JournalAmendment, entry: Entry, job: SwapJob) -> None:
    step = partial(Store.step, number=entry.number, state=OutcomeState.ACCEPTED, job=job, manual=True)
    await self._writer.do(step)


async def _forgets_what_was_paid(self: JournalAmendment, entry: Entry) -> None:
    def step(store: Store) -> None:
        store._db.execute("UPDATE swaps SET state = 'pending', posts = 0 WHERE number = ?", (entry.number,))

    await self._writer.do(step)


async def _always_pending(self: SqliteLedger, entry: Entry, *, in_doubt: int) -> None:
    await self._step(entry, OutcomeState.PENDING, billable_posts=in_doubt)
    self._resolve(entry)


async def _loses_the_job(self: SqliteLedger, entry: Entry, job: SwapJob, *, in_doubt: int) -> None:
    await self._step(entry, OutcomeState.ACCEPTED, billable_posts=in_doubt + 1)
    self._resolve(entry)


async def _finds_nothing(self: SqliteLedger, ids: Collection[str]) -> dict[str, Entry]:
    return {}


async def _begins_always(self: SqliteLedger, versions: Sequence[NewVersion]) -> list[Entry]:
    """Forgets that the version to redo was named, and takes the latest one: a redo that is run again pays."""

    def begin(store: Store) -> list[Entry]:
        found = {new.id: store.versions.latest(new.id) for new in versions}
        latest = [replace(new, after=entry.version) for new in versions if (entry := found[new.id])]
        return store.versions.begin(latest, run=store.run)

    return await self._writer.do(begin)


async def _begins_some(self: SqliteLedger, versions: Sequence[NewVersion]) -> list[Entry]:
    return [entry for new in versions for entry in await self._writer.do(partial(_one_version, new=new))]


def _one_version(store: Store, new: NewVersion) -> list[Entry]:
    return store.versions.begin([new], run=store.run)


async def _closes_at_once(self: SqliteLedger) -> None:
    await self._writer.aclose()


async def _never_waits(self: Budget) -> None:
    self.reserve_at_once()


@pytest.mark.parametrize(
    ("owner", "name", "mistake"),
    [
        (SqliteLedger, "claim", _claims_without_writing),
        (SqliteLedger, "claim", _claims_without_money),
        (SqliteLedger, "refuse", _always_pending),
        (SqliteLedger, "accept", _loses_the_job),
        (SqliteLedger, "find", _finds_nothing),
        (SqliteLedger, "begin_versions", _begins_always),
        (SqliteLedger, "begin_versions", _begins_some),
        (SqliteLedger, "aclose", _closes_at_once),
        (SqliteLedger, "release", lambda self, entry, *, unsettled_posts: None),
        (SqliteLedger, "withdraw", lambda self, entry, *, in_doubt: self._resolve(entry)),
        (Budget, "reserve", _never_waits),
        (Budget, "has_room", property(lambda self: True)),
        (Reservations, "adopt", lambda self, entry, posts: None),
        (DailyBudget, "check_claim", lambda self, price: None),
        (DailyBudget, "has_room", lambda self, price: True),
        (DailyBudget, "release", lambda self, day: setattr(self, "_posts", self._posts - 1)),
        (DailyBudget, "settle", lambda self, day, cost: None),
        (DailyBudget, "seconds_left", property(lambda self: None)),
        (DailyBudget, "day", property(lambda self: self._day)),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else value if isinstance(value, str) else "",
)
def test_a_ledger_with_a_mistake_is_found_out(owner: type, name: str, mistake: object) -> None:
    with changed(owner, name, mistake):
        assert failures(_Contract(), journal)


def test_the_journal_breaks_no_rule_for_the_history() -> None:
    assert failures(_Amendments(), journal) == set()


@pytest.mark.parametrize(
    ("owner", "name", "mistake"),
    [
        (SqliteLedger, "claim", _claims_without_urls),
        (JournalAmendment, "adopt", _adopts_anything),
        (JournalAmendment, "resubmit", _forgets_what_was_paid),
        (JobNames, "has", lambda self, job: False),
        (Store, "check_service", lambda self, *, origin, workflow: None),
        (Store, "end_sending", lambda self: None),
    ],
)
def test_an_amendment_with_a_mistake_is_found_out(owner: type, name: str, mistake: object) -> None:
    with changed(owner, name, mistake):
        assert failures(_Amendments(), journal)


class _MoneyOnly(MoneyContract):
    set_clock = _Contract.set_clock


def test_money_alone_is_a_contract_too() -> None:
    with changed(Budget, "has_room", property(lambda self: True)):
        assert failures(_MoneyOnly(), journal)


def test_a_contract_without_its_fixture_says_what_to_override() -> None:
    for contract, fixture in (
        (MoneyContract, "source"),
        (LedgerContract, "source"),
        (OrdersContract, "source"),
        (AmendmentContract, "source"),
        (GateContract, "new_gate"),
    ):
        assert "To be overridden." in str(getattr(contract, fixture).__doc__)


def new_gate() -> Callable[[], Gate]:
    return lambda: LocalGate(RateLimit(), RetryPolicy())


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("rate_limited", lambda self, admission, retry_after: 0.0),
        ("closed_for", lambda self, call: 9.0),
    ],
)
def test_a_gate_with_a_mistake_is_found_out(name: str, mistake: object) -> None:
    with changed(LocalGate, name, mistake):
        assert failures(GateContract(), new_gate)


def test_a_cancelled_wait_that_keeps_its_turn_is_found_out() -> None:
    admit = LocalGate.admit
    blocked: list[LocalGate] = []

    async def keeps_its_turn(self: LocalGate, call: Any) -> Admission:
        if self in blocked:
            raise TimeoutError("the turn was never given back")
        try:
            return await admit(self, call)
        except BaseException:
            blocked.append(self)
            raise

    with changed(LocalGate, "admit", keeps_its_turn):
        assert "test_a_cancelled_wait_gives_the_turn_back" in failures(GateContract(), new_gate)


def test_what_an_input_is_has_a_value_of_its_own() -> None:
    assert NewEntry(id="a", fingerprint="p", reference="r", scene="s") == NewEntry(
        id="a", fingerprint="p", reference="r", scene="s"
    )


_A_GATE_WITH_A_MISTAKE = """
import pytest
from segmind_swap import RateLimit, RetryPolicy
from segmind_swap._http.gate import LocalGate
from segmind_swap.testing.contracts import GateContract

class Mistaken(LocalGate):
    def closed_for(self, call):
        return 9.0

class TestMistaken(GateContract):
    @pytest.fixture
    def new_gate(self):
        return lambda: Mistaken(RateLimit(), RetryPolicy())
"""


@pytest.mark.real_time
def test_the_contracts_are_checked_where_python_removes_assert_statements(tmp_path: Path) -> None:
    file = tmp_path / "test_mistaken.py"
    file.write_text(_A_GATE_WITH_A_MISTAKE)
    # pytest looks for a configuration upwards, and `tmp_path` may be below the checkout.
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [
        sys.executable,
        "-O",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, "-k", "an_open_gate", str(file)],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "assert 9.0 == 0.0" in done.stdout

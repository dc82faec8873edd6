"""Batches that crash, meet faults, are decided about by hand and run again, seen by journal and ledger."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, get_args

import anyio
import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from segmind_swap import (
    Journal,
    JournalError,
    OutcomeState,
    Reconciliation,
    RetryPolicy,
    SwapClient,
    SwapOutcome,
    SwapRequest,
)
from segmind_swap.emulator import Emulator, Fault, HistoryPage, HistoryPages, HistoryRow

from ..conftest import VirtualTimeLoop
from ..support.batches import KEY, copy_of

S = OutcomeState
ITEMS = 8
PRICE = 0.1522

FAULTS: dict[str, dict[str, Any]] = {
    "502, started": {"status": 502, "accepts": True},
    "504, not started": {"status": 504},
    "503, late": {"status": 503, "accepts": True, "delay": 5.0},
    "cut before the body": {"cut": "before-body"},
    "cut after the body": {"cut": "after-body"},
    "cut in the answer": {"cut": "mid-answer"},
    "not JSON": {"malformed": "html"},
    "half an answer": {"malformed": "truncated"},
    "answer too late": {"delay": 400.0},
    "429": {"status": 429, "headers": {"retry-after": "9"}},
    "401": {"status": 401},
    "400": {"status": 400},
    "500": {"status": 500},
    "no credits": {"status": 406, "body": {"error": "Insufficient credits"}},
}


class Stops(httpx.AsyncBaseTransport):
    """A service, until the machine of its client dies at a request of one kind."""

    def __init__(self, service: Emulator, journal: Journal, kind: str, at: int, *, arrives: bool) -> None:
        self.left: Journal | None = None
        self._inner = httpx.ASGITransport(app=service.app)
        self._journal = journal
        self._kind = kind
        self._at = at
        self._arrives = arrives
        self.died = anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        is_submit = request.method == "POST"
        if is_submit == (self._kind == "submit"):
            self._at -= 1
        if self._at <= 0 and self.left is None:
            if self._arrives and is_submit:
                # What the service does with it, the dead client does not learn.
                async with anyio.create_task_group() as group:
                    group.start_soon(self._inner.handle_async_request, request)
                    await anyio.sleep(0.01)
                    group.cancel_scope.cancel()
            self.left = copy_of(self._journal)
            self.died.set()
        if self.left is not None:
            await anyio.sleep_forever()
        return await self._inner.handle_async_request(request)


class Machine(RuleBasedStateMachine):
    """One journal, one account, many runs."""

    policy: Literal["strict", "documented"] = "strict"

    @initialize(
        budget_usd=st.one_of(st.none(), st.floats(0.2, 2.5)),
        history=st.fixed_dictionaries(
            {
                "history_delay": st.sampled_from([0.0, 100.0]),
                "history_row": st.sampled_from(get_args(HistoryRow)),
                "history_page": st.sampled_from(get_args(HistoryPage)),
                "history_page_size": st.sampled_from([1, 100]),
                "history_pages": st.sampled_from(get_args(HistoryPages)),
            }
        ),
    )
    def begin(self, budget_usd: float | None, history: dict[str, Any]) -> None:
        self.service = Emulator(engine="none", credits_usd=1e6, duration=70.0, record_lifetime=1e9, **history)
        self.journal = Journal(":memory:")
        self.budget_usd = budget_usd
        self.now = 1000.0
        self.resubmitted = 0
        # Jobs that a fault calls FAILED: whoever is told so gives their money back, and may send them again.
        self.told_failed = 0
        self.may_be_unknown = 0

    # What happens

    @rule(what=st.sampled_from(sorted(FAULTS)), ahead=st.integers(1, ITEMS))
    def a_submit_will_fail(self, what: str, ahead: int) -> None:
        number = self.service.count("submit") + ahead
        self.service.inject(Fault(on="submit", calls=(number,), **FAULTS[what]))
        self.may_be_unknown += 1

    @rule(ahead=st.integers(1, 20), swap_fails=st.booleans())
    def a_poll_will_fail(self, ahead: int, swap_fails: bool) -> None:
        number = self.service.count("poll") + ahead
        if swap_fails:
            told = {"status": "FAILED", "error": "no character"}
            self.service.inject(Fault(on="poll", calls=(number,), status=200, body=told))
            self.told_failed += 1
        else:
            self.service.inject(Fault(on="poll", calls=(number,), status=502))

    @rule(concurrency=st.integers(1, ITEMS), retry_failed=st.booleans())
    def a_run_ends(self, concurrency: int, retry_failed: bool) -> None:
        outcomes = self._run(None, concurrency=concurrency, retry_failed=retry_failed)
        assert outcomes is not None
        counts = Counter(outcome.state for outcome in outcomes)
        assert S.SENDING not in counts
        known = self.journal.summary().states
        assert S.SENDING not in known
        for state in set(counts) - {S.PENDING}:
            assert counts[state] <= known[state], "what came out is what is written down"

    @rule(
        kind=st.sampled_from(["submit", "poll"]),
        at=st.integers(1, 12),
        arrives=st.booleans(),
        concurrency=st.integers(1, ITEMS),
    )
    def a_run_crashes(self, kind: str, at: int, arrives: bool, concurrency: int) -> None:
        stops = Stops(self.service, self.journal, kind, at, arrives=arrives)
        self._run(stops, concurrency=concurrency)
        self.may_be_unknown += concurrency * (kind == "submit")
        self.journal = stops.left or self.journal

    @rule(after=st.floats(0.0, 120.0), concurrency=st.integers(1, ITEMS))
    def a_run_is_cancelled(self, after: float, concurrency: int) -> None:
        self._run(None, concurrency=concurrency, cancelled_after=after)

    @precondition(lambda self: hasattr(self, "journal"))
    @rule(number=st.integers(0, ITEMS - 1), what=st.sampled_from(["resubmit", "abandon", "wait_again"]))
    def a_person_decides(self, number: int, what: str) -> None:
        before = {outcome.request.id: outcome.state for outcome in self.journal.outcomes()}
        try:
            getattr(self.journal, what)(f"s{number}")
        except JournalError:
            return
        # What was provably not accepted costs nothing the first time.
        if what == "resubmit" and before[f"s{number}"] is not S.REJECTED:
            self.resubmitted += 1

    @precondition(lambda self: hasattr(self, "journal"))
    @rule()
    def the_history_is_asked(self) -> None:
        async def work() -> Reconciliation:
            transport = httpx.ASGITransport(app=self.service.app)
            async with SwapClient(KEY, base_url="http://127.0.0.1", transport=transport) as client:
                found = await client.reconcile(self.journal, apply=True)
            self.now = anyio.current_time() + 1.0
            return found

        found = anyio.run(work, backend_options={"loop_factory": self._loop})
        left = {outcome.request.id for outcome in self.journal.outcomes(S.UNKNOWN)}
        assert {swap.id for swap in found.undecided} == left

    # What must hold

    @invariant()
    def each_job_is_that_of_one_swap_of_its_own_pictures(self) -> None:
        if not hasattr(self, "service"):
            return
        scenes = {charge.request_id: charge.character_image for charge in self.service.ledger}
        jobs = [(outcome.request.id, outcome.job) for outcome in self.journal.outcomes() if outcome.job]
        assert len({job.request_id for _, job in jobs}) == len(jobs)
        for id, job in jobs:
            assert job.request_id is not None
            # A fault may answer with a job that does not exist.
            assert scenes.get(job.request_id, id or "").endswith(id or "")

    @invariant()
    def nothing_is_paid_twice_unless_a_person_said_so(self) -> None:
        if not hasattr(self, "service"):
            return
        extra = sum(times - 1 for times in self._charges().values())
        if self.policy == "strict":
            assert extra <= self.resubmitted + self.told_failed

    @invariant()
    def nothing_that_may_have_been_paid_waits_to_be_sent_by_itself(self) -> None:
        if not hasattr(self, "service"):
            return
        known = {outcome.request.id: outcome.state for outcome in self.journal.outcomes()}
        for scene in self._charges():
            state = known[scene]
            if not self.resubmitted and not self.told_failed:
                assert state not in {S.PENDING, S.REJECTED}, f"{scene} was billed, and is {state}"

    @invariant()
    def the_budget_holds(self) -> None:
        if not hasattr(self, "service") or self.budget_usd is None:
            return
        # A swap that FAILED gives its money back, while the emulator's ledger keeps it.
        failed = sum(charge.outcome == "FAILED" for charge in self.service.ledger) + self.told_failed
        assert (len(self.service.ledger) - failed) * PRICE <= self.budget_usd + 1e-9

    @invariant()
    def the_journals_money_covers_every_bill(self) -> None:
        if not hasattr(self, "service"):
            return
        summary = self.journal.summary()
        covered = round((summary.reserved_usd + summary.spent_usd) / PRICE)
        assert covered >= len(self.service.ledger) - self.told_failed

    @invariant()
    def nothing_is_unknown_without_a_reason(self) -> None:
        if hasattr(self, "service"):
            known = self.journal.summary().states
            assert known.get(S.UNKNOWN, 0) + known.get(S.SENDING, 0) <= self.may_be_unknown

    # How

    def _charges(self) -> Counter[str]:
        names = (charge.character_image.rpartition("/")[2] for charge in self.service.ledger)
        return Counter(names)

    def _run(
        self,
        stops: Stops | None,
        *,
        concurrency: int,
        retry_failed: bool = False,
        cancelled_after: float | None = None,
    ) -> list[SwapOutcome] | None:
        """A run of all items; its outcomes, if it came to its end."""

        async def work() -> list[SwapOutcome] | None:
            transport = stops or httpx.ASGITransport(app=self.service.app)
            client = SwapClient(
                KEY,
                base_url="http://127.0.0.1",
                transport=transport,
                # Long enough to die meanwhile.
                retry=RetryPolicy(submit=self.policy, initial_delay=40.0, max_delay=60.0),
            )
            found: list[SwapOutcome] | None = None
            with anyio.CancelScope() as scope:
                if cancelled_after is not None:
                    scope.deadline = anyio.current_time() + cancelled_after
                async with anyio.create_task_group() as group:
                    if stops is not None:
                        group.start_soon(_cancel_at, stops.died, group.cancel_scope)
                    async with client:
                        found = await client.swap_all(
                            requests(),
                            journal=self.journal,
                            concurrency=concurrency,
                            budget_usd=self.budget_usd,
                            retry_failed=retry_failed,
                        )
                    group.cancel_scope.cancel()
            self.now = anyio.current_time() + 1.0
            return found

        return anyio.run(work, backend_options={"loop_factory": self._loop})

    def _loop(self) -> VirtualTimeLoop:
        """A loop on which time goes on from the run before."""
        loop = VirtualTimeLoop()
        loop._leap.leapt = self.now
        return loop


async def _cancel_at(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def requests() -> Iterable[SwapRequest]:
    return [
        SwapRequest(
            id=f"s{number}",
            reference_character_image="https://pictures.example/hero.png",
            character_image=f"https://pictures.example/s{number}",
        )
        for number in range(ITEMS)
    ]


class Documented(Machine):
    policy = "documented"


TestStrict = Machine.TestCase
TestDocumented = Documented.TestCase
TestStrict.settings = TestDocumented.settings = settings(
    max_examples=50,
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # An example is several batches: making a failing one shorter may take longer than reading it.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)

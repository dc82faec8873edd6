"""The state as JSON: what another process reads decides as this one would have."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._config import RateLimit, RetryPolicy
from segmind_swap._models import Call
from segmind_swap._policy.rate.rules import RateRules
from segmind_swap._policy.rate.serialization import state_from_json, state_to_json
from segmind_swap._policy.rate.state import Closure, PollEvidence, RateState, Stage

from .simulation import Account, Client, FixedWindow

EVERYTHING = RateState(
    rate=60.0,
    is_guess=True,
    extra=1.2,
    stage=Stage.LEAN,
    since=90.0,
    low_at=80.0,
    noise=[70.0, 75.0],
    phase=40.0,
    phase_after=39.0,
    submits=[95.0, 99.0],
    polls=[98.0],
    count_polls=True,
    count_until=700.0,
    reason="a test",
    closures={
        call.value: Closure(opens_at=110.0, window=4, told_until=108.0, passed_at=97.0)
        for call in Call
        if call is not Call.DOWNLOAD
    },
    evidence=PollEvidence(limited_polls=[91.0], limited_submits=[92.0], suspected_at=93.0, was_found=True),
)


def moved(state: RateState, now: float, to: float) -> RateState:
    return state_from_json(json.loads(json.dumps(state_to_json(state, now), allow_nan=False)), to)


@pytest.mark.parametrize("state", [RateState(), EVERYTHING])
def test_a_state_is_read_as_it_was_written(state: RateState) -> None:
    found = moved(state, 100.0, 100.0)
    assert found == state
    assert isinstance(found.stage, Stage)


def test_what_is_written_down_is_ages_so_that_another_clock_reads_other_moments() -> None:
    written = state_to_json(EVERYTHING, 100.0)
    assert (written["since"], written["count_until"], written["submits"]) == (10.0, -600.0, [5.0, 1.0])
    assert written["closures"]["poll"]["opens_at"] == -10.0
    assert written["evidence"]["limited_polls"] == [9.0]
    assert written["extra"] == 1.2
    found = state_from_json(written, 1_000_000.0)
    assert (found.since, found.count_until) == (999_990.0, 1_000_600.0)
    assert found.closures["poll"].told_until == 1_000_008.0
    assert found.closures["poll"].window == 4
    assert found.evidence.lease == EVERYTHING.evidence.lease


@settings(max_examples=30, deadline=None)
@given(
    seconds=st.integers(0, 420),
    shift=st.sampled_from([0.0, -1024.0, 65536.0]),
    polls_count=st.booleans(),
    seed=st.integers(0, 3),
)
def test_a_state_that_is_moved_at_any_moment_decides_as_before(
    seconds: int, shift: float, polls_count: bool, seed: int
) -> None:
    account = Account(FixedWindow(60), random=0.03, polls_count=polls_count)
    account.dice.seed(seed)
    client = Client(account)
    client.saturate(20, then=lambda: client.poll_later(polls=1))
    client.clock.run(float(seconds))
    other = RateRules(RateLimit(), RetryPolicy())
    now = client.clock.now
    other.state = moved(client.rules.state, now, now + shift)
    rules = client.rules
    for step in range(60):
        now += 0.5
        call = Call.SUBMIT if step % 3 else Call.POLL
        assert other.ready_at(call, now + shift) == pytest.approx(rules.ready_at(call, now) + shift, abs=1e-6)
        epoch = rules.closure(call).epoch
        for one, at in ((rules, now), (other, now + shift)):
            one.leaves(call, at, others_wait=True)
            if step % 7:
                one.accepted(call, left_at=at, epoch=epoch, now=at)
            else:
                one.limited(call, left_at=at, epoch=epoch, now=at, hint=None)
        assert other.state.rate == pytest.approx(rules.state.rate)
        assert other.state.stage == rules.state.stage
        assert (other.state.changes, other.state.count_polls) == (
            rules.state.changes,
            rules.state.count_polls,
        )

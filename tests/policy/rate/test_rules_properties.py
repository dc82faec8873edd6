"""What holds for the rules whatever happens, in whatever order."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields

from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._config import RateLimit, RetryPolicy
from segmind_swap._models import Call
from segmind_swap._policy.rate.rules import RateRules
from segmind_swap._policy.rate.serialization import state_from_json, state_to_json
from segmind_swap._policy.rate.state import Stage

from .simulation import Account, Client, FixedWindow

CALLS = [call for call in Call if call is not Call.DOWNLOAD]
LONGEST_HINT = 120.0
LONGEST_WAIT = 16.0 * 1.2


@dataclass(frozen=True)
class Step:
    """A moment later, a request leaves if it may, and one of those in flight ends."""

    after: float
    call: Call
    others_wait: bool
    ends: int
    answer: str
    hint: float | None
    is_moved: bool


STEPS = st.lists(
    st.builds(
        Step,
        after=st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0, 5.0, 20.0, 61.0, 700.0]),
        call=st.sampled_from(CALLS),
        others_wait=st.booleans(),
        ends=st.integers(0, 5),
        answer=st.sampled_from(["accepted", "accepted", "limited", "limited", "none"]),
        hint=st.sampled_from([None, None, 0.0, 1.0, 3.0, 30.0, LONGEST_HINT]),
        is_moved=st.booleans(),
    ),
    max_size=120,
)
GIVEN = st.sampled_from(
    [
        RateLimit(),
        RateLimit(requests_per_minute=60),
        RateLimit(requests_per_minute=2.5, count_polls=True),
        RateLimit(start_at=100),
        RateLimit(requests_per_minute=50, start_at=1000),
        RateLimit(count_polls=True),
    ]
)


def check(rules: RateRules, now: float, given: RateLimit) -> None:
    state = rules.state
    # `allow_nan` is false: no number is infinite, and none is no number.
    json.dumps(state_to_json(state, now), allow_nan=False)
    if state.rate is not None:
        assert state.rate > 0.0
        assert state.extra >= 0.0
        assert rules.trying is not None
        assert rules.trying > 0.0
        if given.requests_per_minute is not None:
            assert state.rate <= given.requests_per_minute
            assert rules.trying <= given.requests_per_minute
    else:
        assert given.requests_per_minute is None
        assert state.stage is Stage.HOLD
    for call in CALLS:
        closure = rules.closure(call)
        assert closure.opens_at <= now + max(LONGEST_HINT, LONGEST_WAIT)
        assert closure.window is None or closure.window >= 1
        assert rules.most_in_flight(call, now, before_growth=3) >= 8
        interval = 60.0 / rules.trying if rules.trying else 0.0
        assert rules.ready_at(call, now) <= max(now, closure.opens_at) + LONGEST_HINT + 2.0 * interval
    for moments in (state.submits, state.polls, state.noise):
        assert moments == sorted(moments)


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, given_=GIVEN)
def test_whatever_happens_the_state_is_sound_the_way_opens_and_another_process_decides_alike(
    steps: list[Step], given_: RateLimit
) -> None:
    rules = RateRules(given_, RetryPolicy())
    now = 1000.0
    in_flight: list[tuple[Call, float, int]] = []
    for step in steps:
        now += step.after
        if rules.ready_at(step.call, now) <= now:
            rules.leaves(step.call, now, others_wait=step.others_wait)
            in_flight.append((step.call, now, rules.closure(step.call).epoch))
        if in_flight:
            call, left_at, epoch = in_flight.pop(step.ends % len(in_flight))
            before = rules.closure(call).opens_at
            if step.answer == "limited":
                closed_for = rules.limited(call, left_at=left_at, epoch=epoch, now=now, hint=step.hint)
                assert now + closed_for >= before - 1e-9, "a 429 opens nothing"
                assert rules.ready_at(call, now) >= now + closed_for
            elif step.answer == "accepted":
                rules.accepted(call, left_at=left_at, epoch=epoch, now=now)
        if step.is_moved:
            moved = state_from_json(state_to_json(rules.state, now), now)
            for known in fields(moved):
                if known.name not in {"closures", "evidence"} and not known.metadata:
                    assert getattr(moved, known.name) == getattr(rules.state, known.name)
            rules.state = moved
        check(rules, now, given_)


@settings(max_examples=20, deadline=None)
@given(
    per_minute=st.sampled_from([3.0, 60.0, 300.0]),
    random=st.sampled_from([0.0, 0.05, 0.3]),
    limit=st.sampled_from([20.0, 60.0, 1e6]),
    latency=st.sampled_from([0.01, 0.2, 5.0]),
    start_at=st.sampled_from([None, 5.0, 1000.0]),
)
def test_what_was_given_is_exceeded_in_no_minute(
    per_minute: float, random: float, limit: float, latency: float, start_at: float | None
) -> None:
    account = Account(FixedWindow(limit), random=random)
    given_ = RateLimit(requests_per_minute=per_minute, start_at=start_at)
    client = Client(account, given=given_, latency=latency)
    client.saturate(50)
    client.run(6)
    left = sorted([*account.accepted, *(moment for moment, _ in account.limited)])
    # A request that leaves by up to 0.05 s late does not put off the next ones.
    most = math.ceil(per_minute * 60.05 / 60.0) + 1
    first = 0
    for index, moment in enumerate(left):
        while left[first] <= moment - 60.0:
            first += 1
        assert index - first + 1 <= most


@settings(max_examples=20, deadline=None)
@given(
    call=st.sampled_from([Call.SUBMIT, Call.POLL]),
    answer=st.sampled_from(["accepted", "limited", "both"]),
    every=st.sampled_from([0.05, 1.0]),
    other=st.sampled_from(CALLS),
)
def test_what_is_remembered_is_bounded_by_two_minutes_of_requests(
    call: Call, answer: str, every: float, other: Call
) -> None:
    rules = RateRules(RateLimit(), RetryPolicy())
    rules.limited(other, left_at=0.0, epoch=0, now=0.0, hint=None)
    for number in range(4_500):
        now = 1.0 + number * every
        epoch = rules.closure(call).epoch
        if answer == "limited" or (answer == "both" and number % 2):
            rules.limited(call, left_at=now, epoch=epoch, now=now, hint=None)
        else:
            rules.accepted(call, left_at=now, epoch=epoch, now=now)
    state, most = rules.state, 182.0 / every
    evidence = state.evidence
    for moments in (
        state.submits,
        state.polls,
        state.noise,
        evidence.limited_polls,
        evidence.limited_submits,
    ):
        assert len(moments) <= most


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_after_a_closure_something_leaves_again_at_once(data: st.DataObject) -> None:
    """No wait is lost, and none is longer than what was told or than the longest wait."""
    account = Account(FixedWindow(1e9), hint=data.draw(st.sampled_from([None, 0.0, 5.0, LONGEST_HINT])))
    account.spurious[Call.SUBMIT] = data.draw(st.lists(st.integers(1, 60), max_size=12))
    account.spurious[Call.POLL] = data.draw(st.lists(st.integers(1, 60), max_size=12))
    given_ = RateLimit(requests_per_minute=60)
    client = Client(account, given=given_, latency=data.draw(st.sampled_from([0.2, 8.0])))
    client.saturate(8, then=lambda: client.poll_later(polls=1))
    longest = max(account.hint or 0.0, LONGEST_WAIT) + 8.0
    for _ in range(8):
        before = account.asked[Call.SUBMIT]
        client.clock.run(client.clock.now + longest + 1.0)
        assert account.asked[Call.SUBMIT] > before

"""The decision table, written a second time as a table, and held against every combination."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import pytest

from segmind_swap._api.status_errors import StatusKind
from segmind_swap._config import RetryPolicy, SubmitPolicy
from segmind_swap._policy.submit_decision import Action, ReplyKind, SubmitState, decide
from segmind_swap._swap.submit import reply_kind

POLICIES: tuple[SubmitPolicy, ...] = ("documented", "strict")
YES_NO = (True, False)
NOW, TIMEOUT = 100.0, 150.0

# reply, conditions that must hold (a missing one does not matter), action without / with an earlier POST in
# doubt, and how many POSTs this one adds to those in doubt. The first row that fits counts.
TABLE: list[tuple[ReplyKind, dict[str, object], Action, Action, int]] = [
    (ReplyKind.ACCEPTED, {}, Action.ACCEPT, Action.ACCEPT, 0),
    (ReplyKind.UNUSABLE, {}, Action.UNKNOWN, Action.UNKNOWN, 1),
    (ReplyKind.RATE_LIMITED, {"may_wait": True}, Action.AWAIT_GATE, Action.AWAIT_GATE, 0),
    (ReplyKind.RATE_LIMITED, {}, Action.REFUSE, Action.UNKNOWN, 0),
    (ReplyKind.UNAUTHORIZED, {"other_scheme": True}, Action.SWITCH_AUTH, Action.SWITCH_AUTH, 0),
    (ReplyKind.UNAUTHORIZED, {}, Action.REFUSE, Action.UNKNOWN, 0),
    (ReplyKind.REFUSED, {}, Action.REFUSE, Action.UNKNOWN, 0),
    (
        ReplyKind.GATEWAY,
        {"sent": True, "policy": "documented", "attempts_left": True},
        Action.BACK_OFF,
        Action.BACK_OFF,
        1,
    ),
    (ReplyKind.GATEWAY, {"sent": True}, Action.UNKNOWN, Action.UNKNOWN, 1),
    (ReplyKind.GATEWAY, {"attempts_left": True}, Action.BACK_OFF, Action.BACK_OFF, 0),
    (ReplyKind.GATEWAY, {}, Action.REFUSE, Action.UNKNOWN, 0),
    (ReplyKind.UNCLEAR, {"sent": True}, Action.UNKNOWN, Action.UNKNOWN, 1),
    (ReplyKind.UNCLEAR, {"attempts_left": True}, Action.BACK_OFF, Action.BACK_OFF, 0),
    (ReplyKind.UNCLEAR, {}, Action.REFUSE, Action.UNKNOWN, 0),
    (ReplyKind.NONE, {"sent": True}, Action.UNKNOWN, Action.UNKNOWN, 1),
    (ReplyKind.NONE, {"attempts_left": True}, Action.BACK_OFF, Action.BACK_OFF, 0),
    (ReplyKind.NONE, {}, Action.NOT_SENT, Action.UNKNOWN, 0),
]
SENDS_AGAIN = {Action.BACK_OFF, Action.AWAIT_GATE, Action.SWITCH_AUTH}


class Case(NamedTuple):
    """One combination, and the decision."""

    reply: ReplyKind
    sent: bool
    state: SubmitState
    policy: RetryPolicy
    closed_for: float
    other_scheme: bool
    caller_waits: bool
    action: Action
    after: SubmitState


@cache
def cases() -> list[Case]:
    return list(_cases())


def _cases() -> Iterator[Case]:
    states = [
        SubmitState(
            in_doubt=doubt,
            posts=backoffs + 4,
            backoffs=backoffs,
            scheme_switched=switched,
            rate_limited_since=since,
        )
        for doubt, backoffs, switched, since in product((0, 1, 2), (0, 1, 2, 3), YES_NO, (None, 0.0, 60.0))
    ]
    policies = [RetryPolicy(attempts=attempts, submit=submit) for attempts in (1, 3) for submit in POLICIES]
    for reply, sent, state, policy, closed_for, other, waits in product(
        ReplyKind, YES_NO, states, policies, (0.0, 50.0, 50.1, 150.1), YES_NO, YES_NO
    ):
        action, after = decide(
            reply,
            sent=sent,
            state=state,
            policy=policy,
            now=NOW,
            closed_for=closed_for,
            timeout=TIMEOUT,
            other_scheme=other,
            caller_waits=waits,
        )
        yield Case(reply, sent, state, policy, closed_for, other, waits, action, after)


def test_every_combination_is_decided_as_the_table_says() -> None:
    used = set()
    for case in cases():
        since = NOW if case.state.rate_limited_since is None else case.state.rate_limited_since
        facts = {
            "sent": case.sent,
            "policy": case.policy.submit,
            "attempts_left": case.caller_waits and case.state.backoffs + 1 < case.policy.attempts,
            "may_wait": case.caller_waits and NOW - since + case.closed_for <= TIMEOUT,
            "other_scheme": case.caller_waits and case.other_scheme and not case.state.scheme_switched,
        }
        number, row = next(
            (i, row)
            for i, row in enumerate(TABLE)
            if row[0] is case.reply and all(facts[name] == value for name, value in row[1].items())
        )
        used.add(number)
        expected = row[3] if case.state.in_doubt else row[2]
        assert (case.action, case.after.in_doubt) == (expected, case.state.in_doubt + row[4]), case
    assert used == set(range(len(TABLE))), "a row that no combination reaches says nothing"
    assert len(cases()) == len(ReplyKind) * 2 * (3 * 4 * 2 * 3) * 4 * 4 * 2 * 2


def test_the_state_counts_what_was_done() -> None:
    for case in cases():
        before, after = case.state, case.after
        assert after.posts == before.posts + 1
        assert after.backoffs == before.backoffs + (case.action is Action.BACK_OFF)
        assert after.scheme_switched == (before.scheme_switched or case.action is Action.SWITCH_AUTH)
        if case.reply is ReplyKind.RATE_LIMITED:
            expected = NOW if before.rate_limited_since is None else before.rate_limited_since
            assert after.rate_limited_since == expected
        else:
            assert after.rate_limited_since is None


def test_a_swap_with_a_post_in_doubt_is_never_called_refused_or_not_sent() -> None:
    for case in cases():
        if case.after.in_doubt:
            assert case.action not in {Action.REFUSE, Action.NOT_SENT}


def test_strict_never_sends_again_what_may_have_been_accepted() -> None:
    for case in cases():
        if case.policy.submit == "strict" and case.after.in_doubt > case.state.in_doubt:
            assert case.action is Action.UNKNOWN


def test_documented_sends_again_in_doubt_only_after_a_complete_gateway_error() -> None:
    for case in cases():
        if case.after.in_doubt > case.state.in_doubt and case.action in SENDS_AGAIN:
            assert (case.reply, case.policy.submit) == (ReplyKind.GATEWAY, "documented")


def test_doubt_never_goes_away() -> None:
    assert all(case.after.in_doubt >= case.state.in_doubt for case in cases())


def test_nothing_is_sent_again_once_the_caller_has_gone() -> None:
    assert not [case for case in cases() if not case.caller_waits and case.action in SENDS_AGAIN]


def test_a_scheme_is_switched_once_at_most_and_backoffs_are_fewer_than_the_attempts() -> None:
    for case in cases():
        if case.action is Action.SWITCH_AUTH:
            assert not case.state.scheme_switched
        if case.action is Action.BACK_OFF:
            assert case.after.backoffs < case.policy.attempts


def test_the_state_is_a_plain_value_that_a_row_can_hold() -> None:
    state = SubmitState(in_doubt=1, posts=4, backoffs=2, scheme_switched=True, rate_limited_since=7.5)
    assert SubmitState(**json.loads(json.dumps(asdict(state)))) == state
    assert SubmitState() == SubmitState(
        in_doubt=0, posts=0, backoffs=0, scheme_switched=False, rate_limited_since=None
    )
    changed: Any = state
    with pytest.raises(AttributeError):
        changed.in_doubt = 0


@pytest.mark.parametrize(
    ("codes", "reply"),
    [
        (
            (300, 301, 302, 307, 308, 399, 400, 402, 403, 404, 405, 406, 408, 410, 413, 415, 422, 499, 500),
            ReplyKind.REFUSED,
        ),
        ((401,), ReplyKind.UNAUTHORIZED),
        ((429,), ReplyKind.RATE_LIMITED),
        ((502, 503, 504), ReplyKind.GATEWAY),
        ((101, 199, 501, 505, 520, 522, 524, 599, 600, 999), ReplyKind.UNCLEAR),
    ],
)
def test_each_status_is_one_kind_of_reply(codes: tuple[int, ...], reply: ReplyKind) -> None:
    for code in codes:
        assert reply_kind(StatusKind.of(code), usable=False) is reply
        assert reply_kind(StatusKind.of(code), usable=True) is reply


def test_every_status_is_the_kind_of_reply_that_its_number_says() -> None:
    for code in range(100, 1000):
        if 200 <= code < 300:
            continue
        found = reply_kind(StatusKind.of(code), usable=False)
        match code:
            case 429:
                assert found is ReplyKind.RATE_LIMITED
            case 401:
                assert found is ReplyKind.UNAUTHORIZED
            case 502 | 503 | 504:
                assert found is ReplyKind.GATEWAY
            case 500:
                assert found is ReplyKind.REFUSED
            case _:
                assert found is (ReplyKind.REFUSED if 300 <= code < 500 else ReplyKind.UNCLEAR), code


def test_a_2xx_is_accepted_only_with_a_job_that_can_be_trusted() -> None:
    for code in range(200, 300):
        assert reply_kind(StatusKind.of(code), usable=True) is ReplyKind.ACCEPTED
        assert reply_kind(StatusKind.of(code), usable=False) is ReplyKind.UNUSABLE

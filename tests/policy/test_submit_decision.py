"""The decision table, written a second time as a table, and held against every combination."""

from itertools import product

import pytest

from segmind_swap._config import SubmitPolicy
from segmind_swap._policy.submit_decision import Action, Past, ReplyKind, decide

POLICIES: tuple[SubmitPolicy, ...] = ("documented", "strict")
YES_NO = (True, False)

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

COMBINATIONS = [
    (reply, sent, policy, Past(in_doubt=doubt, attempts_left=left, may_wait=may_wait, other_scheme=other))
    for reply, sent, policy, doubt, left, may_wait, other in product(
        ReplyKind, YES_NO, POLICIES, (0, 1, 2), YES_NO, YES_NO, YES_NO
    )
]
SENDS_AGAIN = {Action.BACK_OFF, Action.AWAIT_GATE, Action.SWITCH_AUTH}


def test_every_combination_is_decided_as_the_table_says() -> None:
    used = set()
    for reply, sent, policy, past in COMBINATIONS:
        facts = {
            "sent": sent,
            "policy": policy,
            "attempts_left": past.attempts_left,
            "may_wait": past.may_wait,
            "other_scheme": past.other_scheme,
        }
        number, row = next(
            (i, row)
            for i, row in enumerate(TABLE)
            if row[0] is reply and all(facts[name] == value for name, value in row[1].items())
        )
        used.add(number)
        verdict = decide(reply, sent=sent, policy=policy, past=past)
        expected = row[3] if past.in_doubt else row[2]
        assert (verdict.action, verdict.in_doubt) == (expected, past.in_doubt + row[4]), (reply, facts, past)
    assert used == set(range(len(TABLE))), "a row that no combination reaches says nothing"
    assert len(COMBINATIONS) == len(ReplyKind) * 2 * 2 * 3 * 2 * 2 * 2


def test_a_swap_with_a_post_in_doubt_is_never_called_refused_or_not_sent() -> None:
    for reply, sent, policy, past in COMBINATIONS:
        verdict = decide(reply, sent=sent, policy=policy, past=past)
        if verdict.in_doubt:
            assert verdict.action not in {Action.REFUSE, Action.NOT_SENT}


def test_strict_never_sends_again_what_may_have_been_accepted() -> None:
    for reply, sent, _, past in COMBINATIONS:
        verdict = decide(reply, sent=sent, policy="strict", past=past)
        if verdict.in_doubt > past.in_doubt:
            assert verdict.action is Action.UNKNOWN


def test_documented_sends_again_in_doubt_only_after_a_complete_gateway_error() -> None:
    for reply, sent, _, past in COMBINATIONS:
        verdict = decide(reply, sent=sent, policy="documented", past=past)
        if verdict.in_doubt > past.in_doubt and verdict.action in SENDS_AGAIN:
            assert reply is ReplyKind.GATEWAY


def test_doubt_never_goes_away() -> None:
    for reply, sent, policy, past in COMBINATIONS:
        assert decide(reply, sent=sent, policy=policy, past=past).in_doubt >= past.in_doubt


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
        assert ReplyKind.of_status(code, usable=False) is reply
        assert ReplyKind.of_status(code, usable=True) is reply


def test_a_2xx_is_accepted_only_with_a_job_that_can_be_trusted() -> None:
    for code in range(200, 300):
        assert ReplyKind.of_status(code, usable=True) is ReplyKind.ACCEPTED
        assert ReplyKind.of_status(code, usable=False) is ReplyKind.UNUSABLE

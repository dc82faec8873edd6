"""Which of two auth schemes is used, and when the other is tried."""

import pytest

from segmind_swap._config import AuthScheme
from segmind_swap._http.auth import Schemes, header
from segmind_swap._models import Call

WORKFLOW = [Call.SUBMIT, Call.POLL]
ACCOUNT = [Call.UPLOAD, Call.CREDITS]
OTHER: dict[AuthScheme, AuthScheme] = {"bearer": "x-api-key", "x-api-key": "bearer"}
STARTS: list[tuple[Call, AuthScheme]] = [
    (Call.SUBMIT, "bearer"),
    (Call.POLL, "bearer"),
    (Call.UPLOAD, "x-api-key"),
    (Call.CREDITS, "x-api-key"),
]


def test_the_key_travels_in_exactly_one_header() -> None:
    assert header("bearer", "SG_1") == ("authorization", "Bearer SG_1")
    assert header("x-api-key", "SG_1") == ("x-api-key", "SG_1")


@pytest.mark.parametrize(("call", "scheme"), STARTS)
def test_each_call_starts_with_its_documented_scheme(call: Call, scheme: AuthScheme) -> None:
    assert Schemes("auto").scheme(call) == scheme


@pytest.mark.parametrize("call", [*WORKFLOW, *ACCOUNT])
@pytest.mark.parametrize("pinned", ["bearer", "x-api-key"])
def test_a_pinned_scheme_is_used_for_every_call_and_never_left(call: Call, pinned: AuthScheme) -> None:
    schemes = Schemes(pinned)
    assert schemes.scheme(call) == pinned
    assert schemes.next_after(call, pinned) is None
    assert schemes.scheme(call) == pinned


@pytest.mark.parametrize(("call", "scheme"), STARTS)
def test_after_a_401_the_other_scheme_is_tried_and_others_begin_with_it(
    call: Call, scheme: AuthScheme
) -> None:
    schemes = Schemes("auto")
    assert schemes.next_after(call, scheme) == OTHER[scheme]
    assert schemes.scheme(call) == OTHER[scheme]


@pytest.mark.parametrize(("call", "scheme"), STARTS)
def test_calls_that_started_together_all_turn_to_the_same_scheme(call: Call, scheme: AuthScheme) -> None:
    schemes = Schemes("auto")
    assert {schemes.next_after(call, scheme) for _ in range(10)} == {OTHER[scheme]}
    assert schemes.scheme(call) == OTHER[scheme]


@pytest.mark.parametrize(("call", "scheme"), STARTS)
@pytest.mark.parametrize("works_at_once", [True, False])
def test_the_scheme_that_worked_is_kept_for_good(call: Call, scheme: AuthScheme, works_at_once: bool) -> None:
    schemes = Schemes("auto")
    right = scheme if works_at_once else schemes.next_after(call, scheme)
    assert right is not None
    schemes.confirm(call, right)
    assert schemes.next_after(call, right) is None
    assert schemes.scheme(call) == right


def test_a_late_401_to_the_wrong_scheme_turns_to_the_confirmed_one() -> None:
    schemes = Schemes("auto")
    schemes.confirm(Call.POLL, "x-api-key")
    assert schemes.next_after(Call.SUBMIT, "bearer") == "x-api-key"
    assert schemes.next_after(Call.SUBMIT, "x-api-key") is None


def test_workflow_calls_learn_from_each_other_and_account_calls_too_but_not_across() -> None:
    schemes = Schemes("auto")
    schemes.confirm(Call.SUBMIT, "x-api-key")
    assert [schemes.scheme(call) for call in WORKFLOW] == ["x-api-key", "x-api-key"]
    assert schemes.next_after(Call.UPLOAD, "x-api-key") == "bearer"
    assert [schemes.scheme(call) for call in ACCOUNT] == ["bearer", "bearer"]
    assert [schemes.scheme(call) for call in WORKFLOW] == ["x-api-key", "x-api-key"]


def test_two_clients_learn_nothing_from_each_other() -> None:
    first, second = Schemes("auto"), Schemes("auto")
    first.confirm(Call.SUBMIT, "x-api-key")
    assert second.scheme(Call.SUBMIT) == "bearer"

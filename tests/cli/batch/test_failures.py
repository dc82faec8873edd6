"""The reasons at the end of a batch."""

from pathlib import Path

from segmind_swap import (
    BudgetExceededError,
    OriginalNotDoneError,
    OutcomeState,
    SwapError,
    SwapOutcome,
    SwapRequest,
)
from segmind_swap.cli._batch.failures import Failures

S = OutcomeState


def outcome(id: str, reason: str | None, state: OutcomeState = S.FAILED) -> SwapOutcome:
    request = SwapRequest(id=id, reference_character_image="a.png", character_image="b.png")
    return SwapOutcome(request=request, state=state, error=None if reason is None else SwapError(reason))


def lines(*outcomes: SwapOutcome) -> list[str]:
    failures = Failures()
    for each in outcomes:
        failures.add(each)
    return failures.lines(Path("out/report.html"))


def test_each_failure_is_a_line_with_its_id_and_its_reason() -> None:
    failed = outcome("s1", "the job failed:\nno face\x1b[2J")
    assert lines(failed, outcome("s2", "the picture is cut short", S.REJECTED)) == [
        "s1: the job failed: no face␛[2J",
        "s2: the picture is cut short",
    ]


def test_the_same_reason_is_said_once_with_a_count() -> None:
    assert lines(*(outcome(f"s{number}", "no face") for number in range(2))) == ["s0, s1: no face"]
    many = [outcome(f"s{number}", "no face") for number in range(1_203)]
    assert lines(*many) == ["s0, s1, s2 and 1,200 more: no face"]


def test_after_five_reasons_the_others_are_in_the_report() -> None:
    many = [outcome(f"s{number}", f"reason {number}") for number in range(12)]
    assert lines(*many) == [f"s{number}: reason {number}" for number in range(5)] + [
        "and 7 more: out/report.html"
    ]


def test_a_swap_that_is_saved_or_was_not_sent_is_no_failure() -> None:
    stopped = outcome("s2", "the budget is spent", S.PENDING)
    assert lines(outcome("s1", None, S.SAVED), stopped) == []


def test_an_endless_reason_is_cut() -> None:
    (line,) = lines(outcome("s1", "x" * 1_000))
    assert len(line) == len("s1: ") + 300


def test_copies_that_wait_for_one_swap_are_told_together_and_other_pending_swaps_are_not() -> None:
    failures = Failures()
    for id in ("b", "c"):
        error = OriginalNotDoneError(
            "its pictures are those of 'a', which failed", original_id="a", original_state="failed"
        )
        pending = outcome(id, None, S.PENDING)
        failures.add(pending.model_copy(update={"error": error}))
    budget = BudgetExceededError("the budget is spent", budget_usd=1.0, committed_usd=1.0)
    failures.add(outcome("d", None, S.PENDING).model_copy(update={"error": budget}))
    assert failures.lines(None) == ["b, c: its pictures are those of 'a', which failed"]

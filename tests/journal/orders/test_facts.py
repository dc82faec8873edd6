"""Why a service has stopped, and how its last swaps have ended, are facts of the journal."""

from datetime import UTC, datetime, timedelta

import pytest

from segmind_swap import InsufficientCreditsError, JournalError, NoResultsError, SwapError
from segmind_swap._journal.orders.facts import endings_of, halt_of, set_endings, set_halt
from segmind_swap._protocols.orders import Endings, Halt

from ...support.journal_rows import in_memory

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "reason",
    [
        InsufficientCreditsError("no credits are left", status_code=402, reason="Payment Required"),
        NoResultsError("no picture came", bound="max_futile", count=20, example_id="a"),
        SwapError("something"),
    ],
)
def test_the_reason_of_a_halt_is_kept_with_its_fields(reason: SwapError) -> None:
    store = in_memory()
    assert halt_of(store, NOW) is None
    set_halt(store, Halt(reason=reason, until=NOW + timedelta(seconds=60)))
    halt = halt_of(store, NOW)
    assert halt is not None
    assert type(halt.reason) is type(reason)
    assert str(halt.reason) == str(reason)
    assert vars(halt.reason) == vars(reason)
    assert halt.until == NOW + timedelta(seconds=60)
    assert halt_of(store, NOW + timedelta(seconds=60)) is None


def test_a_halt_without_an_end_holds_until_it_is_taken_back() -> None:
    store = in_memory()
    set_halt(store, Halt(reason=SwapError("no picture"), until=None))
    assert halt_of(store, NOW + timedelta(days=365)) is not None
    set_halt(store, None)
    assert halt_of(store, NOW) is None


def test_endings_are_kept() -> None:
    store = in_memory()
    assert endings_of(store) == Endings()
    set_endings(store, Endings(futile=3, failed=4))
    assert endings_of(store) == Endings(futile=3, failed=4)


@pytest.mark.parametrize(
    "text", ["{", "[]", "1", '{"reason": {}, "until": null}', '{"until": "x"}', '{"futile": "x"}', '{"x": 1}']
)
def test_a_fact_that_is_damaged_is_an_error_of_the_journal_and_no_service_without_a_halt(text: str) -> None:
    store = in_memory()
    for name in ("halt", "endings"):
        store.facts.set(name, text)
    with pytest.raises(JournalError, match="damaged fact 'halt'"):
        halt_of(store, NOW)
    if text != "[]":
        with pytest.raises(JournalError, match="damaged fact 'endings'"):
            endings_of(store)

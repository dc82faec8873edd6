"""What was learned of the rate limit, as a text that outlives the process."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from segmind_swap import Rate
from segmind_swap._policy.rate.learned import read_learned, write_learned

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
RATE = Rate(per_minute=61.5, stage="hold", next_try_in=12.0, limited_ago=48.0, reason="found by a 429")


def kept(**changes: object) -> str:
    """The text of `RATE` at noon, with other values."""
    fields = json.loads(write_learned(RATE, at=NOON, key_tag="tag"))
    return json.dumps({**fields, **changes})


def test_a_belief_is_read_as_it_was_written_with_its_age_by_the_clock_of_the_wall() -> None:
    learned = read_learned(kept(), now=NOON + timedelta(hours=2), key_tag="tag")
    assert learned is not None
    assert (learned.rate, learned.age, learned.is_same_key) == (RATE, 7200.0, True)


@pytest.mark.parametrize(
    ("theirs", "ours", "is_same_key"),
    [("tag", "other", False), ("tag", None, None), ("tag", "", None), ("", "", None)],
)
def test_keys_are_the_same_only_if_both_tags_are_known_and_equal(
    theirs: str, ours: str | None, is_same_key: bool | None
) -> None:
    learned = read_learned(kept(key_tag=theirs), now=NOON, key_tag=ours)
    assert learned is not None
    assert learned.is_same_key is is_same_key


def test_what_a_newer_version_has_added_is_ignored() -> None:
    rate = {**json.loads(kept())["rate"], "window": "sliding"}
    learned = read_learned(kept(rate=rate, account="pro"), now=NOON, key_tag="tag")
    assert learned is not None
    assert learned.rate == RATE


@pytest.mark.parametrize(
    "changes",
    [
        {"at": "yesterday"},
        {"at": "2026-07-01T12:00:00"},
        {"at": None},
        {"key_tag": 7},
        {"rate": "fast"},
        {"rate": {"per_minute": 0}},
        {"rate": {"per_minute": -60}},
        {"rate": {"per_minute": "NaN"}},
        {"rate": {"per_minute": "Infinity"}},
        {"rate": {"per_minute": {"value": 60}}},
        {"rate": {"count_polls": True, "count_polls_for": -1.0}},
    ],
    ids=str,
)
def test_a_damaged_belief_is_none(changes: dict[str, object]) -> None:
    assert read_learned(kept(**changes), now=NOON, key_tag="tag") is None


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "null", kept()[:-1], "{" * 5000])
def test_a_text_that_is_no_belief_is_none(text: str) -> None:
    assert read_learned(text, now=NOON, key_tag="tag") is None


def test_a_belief_from_the_future_is_none_because_the_clock_was_put_back() -> None:
    assert read_learned(kept(), now=NOON - timedelta(seconds=1), key_tag="tag") is None

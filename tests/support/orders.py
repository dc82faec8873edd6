"""Orders without a journal, for the parts of a service that only pass them on."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from segmind_swap import OutcomeState
from segmind_swap._protocols.entry import Entry
from segmind_swap._protocols.orders import Order


def order(
    number: int = 1, *, change: int = 1, state: OutcomeState = OutcomeState.PENDING, **entry: Any
) -> Order:
    """An order of the swap `s<number>`."""
    pictures = f"{number}-reference.png", f"{number}-scene.png"
    values = {
        "number": number,
        "id": f"s{number}",
        "fingerprint": f"f{number}",
        "reference": "reference",
        "scene": "scene",
        "state": state,
        "run": 1,
        **entry,
    }
    return Order(
        number=number,
        change=change,
        owner=None,
        pictures=pictures,
        ordered_at=datetime(2026, 11, 30, tzinfo=UTC),
        entry=Entry(**values),
    )


def changed(before: Order, state: OutcomeState, **entry: Any) -> Order:
    """The order after its next change."""
    return replace(before, change=before.change + 1, entry=replace(before.entry, state=state, **entry))

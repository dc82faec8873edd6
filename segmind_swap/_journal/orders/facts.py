"""The facts about a service as a whole: why it has stopped, and how its last swaps have ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..._outcome import error_fields, error_of
from ..._protocols.orders import Endings, Halt

if TYPE_CHECKING:
    from ..store import Store


def halt_of(store: Store, now: datetime) -> Halt | None:
    """Why the service submits nothing; None if it may submit.

    Raises:
        JournalError: the fact was not written by `set_halt`.
    """
    with _fact(store, "halt") as fields:
        if fields is None:
            return None
        until = None if fields["until"] is None else datetime.fromtimestamp(fields["until"], UTC)
        reason = error_of(fields["reason"])
    return None if until is not None and until <= now else Halt(reason=reason, until=until)


def set_halt(store: Store, halt: Halt | None) -> None:
    """Stores why the service submits nothing; None if it may submit."""
    fields = halt and {
        "reason": error_fields(halt.reason),
        "until": None if halt.until is None else halt.until.timestamp(),
    }
    store.facts.set("halt", json.dumps(fields))


def endings_of(store: Store) -> Endings:
    """How the last swaps have ended.

    Raises:
        JournalError: the fact was not written by `set_endings`.
    """
    with _fact(store, "endings") as fields:
        return Endings() if fields is None else Endings(**{name: int(fields[name]) for name in fields})


def set_endings(store: Store, endings: Endings) -> None:
    """Stores how the last swaps have ended."""
    store.facts.set("endings", json.dumps({"futile": endings.futile, "failed": endings.failed}))


@contextmanager
def _fact(store: Store, name: str) -> Iterator[Any]:
    """A fact that is JSON; None if there is none. The block reads it."""
    try:
        yield json.loads(store.facts.get(name) or "null")
        return
    except (ArithmeticError, AttributeError, KeyError, OSError, TypeError, ValueError) as exc:
        problem = f"has a damaged fact {name!r}: {type(exc).__name__}"
    raise store.error(problem)

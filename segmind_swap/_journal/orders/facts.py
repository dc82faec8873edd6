"""The facts about a service as a whole: why it has stopped, and how its last swaps have ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from ..._outcome import error_fields, error_of
from ..._protocols.orders import Endings, Halt
from ..facts import Facts


def halt_of(facts: Facts, now: datetime) -> Halt | None:
    """Why the service submits nothing; None if it may submit.

    Raises:
        ValueError: the fact was not written by `set_halt`.
    """
    fields = json.loads(facts.get("halt") or "null")
    if fields is None:
        return None
    until = None if fields["until"] is None else datetime.fromtimestamp(fields["until"], UTC)
    return (
        None if until is not None and until <= now else Halt(reason=error_of(fields["reason"]), until=until)
    )


def set_halt(facts: Facts, halt: Halt | None) -> None:
    """Stores why the service submits nothing; None if it may submit."""
    fields = halt and {
        "reason": error_fields(halt.reason),
        "until": None if halt.until is None else halt.until.timestamp(),
    }
    facts.set("halt", json.dumps(fields))


def endings_of(facts: Facts) -> Endings:
    """How the last swaps have ended.

    Raises:
        ValueError: the fact was not written by `set_endings`.
    """
    return Endings(**json.loads(facts.get("endings") or "{}"))


def set_endings(facts: Facts, endings: Endings) -> None:
    """Stores how the last swaps have ended."""
    facts.set("endings", json.dumps({"futile": endings.futile, "failed": endings.failed}))

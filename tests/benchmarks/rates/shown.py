"""The six cases that are drawn."""

from collections.abc import Mapping
from dataclasses import replace
from math import inf

from .cases import Case
from .service import Spurious, Terms
from .steps import MINUTE, Steps

_FIVE = 5 * MINUTE

SHOWN: Mapping[str, Case] = {
    "60, one spurious 429 on the second submit": Case(
        name="shown/spurious", terms=Terms(limit=Steps.always(60), spurious=(Spurious(number=2),)), minutes=12
    ),
    "raised from 60 to 500": Case(
        name="shown/raise", terms=Terms(limit=Steps.always(60).then(_FIVE, 500)), minutes=12
    ),
    "lowered from 500 to 60": Case(
        name="shown/drop", terms=Terms(limit=Steps.always(500).then(_FIVE, 60)), minutes=12
    ),
    "120, of which others take half for seven minutes": Case(
        name="shown/shared",
        terms=Terms(
            limit=Steps.always(120), others=Steps.always(0).then(3 * MINUTE, 60).then(10 * MINUTE, 0)
        ),
        minutes=16,
    ),
    "500, and 1 % of all requests refused for no reason": Case(
        name="shown/random", terms=Terms(limit=Steps.always(500), random=0.01), minutes=10
    ),
    "no limit, 1 then 30 a minute, one 429 on a poll": Case(
        name="shown/web",
        terms=Terms(limit=Steps.always(inf), spurious=(Spurious(request="poll", at=100),)),
        minutes=25,
        demand=Steps.always(1).then(10 * MINUTE, 30),
        polling="usual",
    ),
}
"""By their titles."""


def possible(case: Case) -> list[float]:
    """Submits in each minute that a client could have had accepted."""
    asked = case.terms.limit if case.demand is None else case.demand
    case = replace(case, terms=replace(case.terms, limit=asked))
    return [case.terms.allowed(minute * MINUTE, (minute + 1) * MINUTE) for minute in range(int(case.minutes))]

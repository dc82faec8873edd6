"""All cases, by family: what a rate limit may be like, and what may happen to it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .cases import Case
from .service import Hint, Kind, Request, Spurious, Terms
from .steps import MINUTE, Steps

_HINTS: dict[str, Hint] = {"untold": "none", "told": "whole seconds"}
_LIMITS = (5, 10, 20, 30, 60, 120, 500, 1000)
_BEGUN = (15.0, 30.0, 45.0)
_BEGUN_AT = {60: (7.0, 15.0, 22.5, 30.0, 37.5, 45.0, 52.0, 59.0), 500: (15.0, 45.0), 1000: (30.0,)}

_NUMBERS = (1, 2, 3, 5, 10, 30)
_MOMENTS = (61, 64, 75, 90, 110, 119, 121, 135, 150, 179, 184, 200, 225, 240, 290, 350)
_TEN_MINUTES = 10
_SEEDS = range(1, 7)
_TWELVE = range(12)


def _always(limit: float, *, hint: Hint = "none", kind: Kind = "fixed", begun: float = 0.0) -> Terms:
    return Terms(limit=Steps.always(limit), hint=hint, kind=kind, begun=begun)


def _minutes(limit: float) -> float:
    """Long enough for a few trials of more, and no more swaps than needed."""
    return 30 if limit < 30 else 20 if limit < 60 else 15 if limit <= 120 else 8 if limit <= 500 else 5


def constant() -> Iterator[Case]:
    """A limit that nobody gave, and that stays."""
    for limit in _LIMITS:
        for told, hint in _HINTS.items():
            yield Case(
                name=f"aligned-{told}/{limit}/0s-before",
                terms=_always(limit, hint=hint),
                minutes=_minutes(limit),
                is_sample=limit <= 120,
            )
            for begun in _BEGUN_AT.get(limit, _BEGUN):
                yield Case(
                    name=f"begun-{told}/{limit}/{begun:g}s-before",
                    terms=_always(limit, hint=hint, begun=begun),
                    minutes=_minutes(limit),
                    is_sample=begun == 15.0 and limit in {60, 120},
                )
            if limit in {60, 500}:
                for kind in ("sliding", "bucket"):
                    yield Case(
                        name=f"{kind}/{limit}/{told}",
                        terms=_always(limit, hint=hint, kind=kind),
                        minutes=_minutes(limit),
                        is_sample=limit == 60 or told == "untold",
                    )
    for hint in ("exact", "short", "long"):
        yield Case(name=f"hint-{hint}/60", terms=_always(60, hint=hint), minutes=15)


def spurious() -> Iterator[Case]:
    """One 429 for no reason; and the same service without it."""
    for request in ("submit", "poll"):
        for told in _HINTS:
            yield from _spurious(request, told)
    terms = _always(60)
    for number, at in ((2, 0.0), (30, 0.0), (1, 75.0), (1, 150.0), (1, 240.0)):
        spurious = Spurious(number=number, at=at, hint=5.0)
        yield Case(
            name=f"spurious-asks/60/{f'at-{at:g}s' if at else f'number-{number}'}",
            terms=replace(terms, spurious=(spurious,)),
            minutes=at // MINUTE + _TEN_MINUTES,
            beside="calm/60/submit/untold",
            is_sample=number == 2,
        )


def _spurious(request: Request, told: str) -> Iterator[Case]:
    for limit in (60, 120) if told == "untold" else (60,):
        # Each poll costs time: where a submit is refused, few are made.
        terms = _always(limit, hint=_HINTS[told])
        calm = Case(
            name=f"calm/{limit}/{request}/{told}",
            terms=terms,
            minutes=6 + _TEN_MINUTES,
            polling="sparse" if request == "submit" else "usual",
        )
        yield calm
        moments = [
            *(Spurious(request=request, number=number) for number in _NUMBERS),
            *(Spurious(request=request, at=at) for at in _MOMENTS),
        ]
        for index, moment in enumerate(moments):
            if (index % 4 != 1 and told == "told") or (index % 8 != 1 and limit == 120):
                continue
            yield replace(
                calm,
                name=f"spurious-{request}/{limit}/{told}/"
                + (f"at-{moment.at:g}s" if moment.at else f"number-{moment.number}"),
                terms=replace(terms, spurious=(moment,)),
                minutes=moment.at // MINUTE + _TEN_MINUTES,
                beside=calm.name,
                is_sample=index in {1, 9},
            )


def noise() -> Iterator[Case]:
    """One request of a hundred is refused for no reason."""
    for limit, seeds in ((60, _SEEDS), (120, (1,)), (500, _SEEDS), (1000, (1,))):
        for seed in seeds:
            terms = replace(_always(limit), random=0.01, seed=seed)
            yield Case(
                name=f"random-{limit}/seed-{seed}",
                terms=terms,
                minutes=15 if limit <= 120 else 8,
                polling="usual" if limit <= 120 else "sparse",
                is_sample=seed == 1 or (seed == 2 and limit == 60),
            )


def raised() -> Iterator[Case]:
    """A limit that is raised, at twelve moments of a minute."""
    for before, after in ((60, 500), (60, 90), (20, 200)):
        for told, hint in _HINTS.items():
            for index in _TWELVE:
                if told == "told" and index % 3:
                    continue
                at = 5 * MINUTE + 5 * index
                yield Case(
                    name=f"raise-{before}-{after}/{told}/at-{at:g}s",
                    terms=Terms(limit=Steps.always(before).then(at, after), hint=hint),
                    minutes=15,
                    raised=(at, after),
                    is_sample=index % 6 == 0 and told == "untold",
                )


def raised_otherwise() -> Iterator[Case]:
    """A raise where no window shows it."""
    for kind in ("sliding", "bucket"):
        yield Case(
            name=f"raise-{kind}/60-500",
            terms=Terms(limit=Steps.always(60).then(320, 500), kind=kind),
            minutes=20,
            raised=(320, 500),
        )


def lowered() -> Iterator[Case]:
    """A limit that is lowered, at twelve moments of a minute."""
    for before, after in ((500, 60), (120, 40), (60, 50)):
        for told, hint in _HINTS.items():
            for index in _TWELVE:
                if told == "told" and index % 3:
                    continue
                at = 3 * MINUTE + 5 * index
                yield Case(
                    name=f"drop-{before}-{after}/{told}/at-{at:g}s",
                    terms=Terms(limit=Steps.always(before).then(at, after), hint=hint),
                    minutes=11,
                    is_sample=index % 6 == 0 and told == "untold",
                )


def shared() -> Iterator[Case]:
    """Others take half for seven minutes."""
    others = Steps.always(0.0).then(3 * MINUTE, 60).then(10 * MINUTE, 0.0)
    for told, hint in _HINTS.items():
        for begun in (0.0, 20.0):
            yield Case(
                name=f"shared/{told}/{begun:g}s-before",
                terms=replace(_always(120, hint=hint, begun=begun), others=others),
                minutes=18,
                is_sample=begun == 0.0,
            )


def pairs() -> Iterator[Case]:
    """Two clients with one account."""
    for index in range(15):
        told = ("untold", "told")[index % 2]
        kind: Kind = ("fixed", "fixed", "fixed", "sliding", "bucket")[index % 5]
        starts = (0.0, (0.0, 0.4, 7.0, 33.0, 60.0, 95.0, 200.0)[index % 7])
        begun = 20.0 * (index % 3)
        yield Case(
            name=f"pair/{kind}/{told}/{begun:g}s-before/second-at-{starts[1]:g}s",
            terms=replace(_always(120, hint=_HINTS[told], kind=kind, begun=begun), seed=index + 1),
            minutes=13,
            starts=starts,
            is_sample=index % 4 == 0,
        )


def web() -> Iterator[Case]:
    """A web back end with little to do, then more, and no limit at all; one 429 for no reason."""
    demand = Steps.always(1).then(10 * MINUTE, 30)
    for at in (60, 100, 200, 400):
        for request in ("poll", "submit"):
            yield Case(
                name=f"web/{request}-at-{at}s",
                terms=replace(
                    _always(math.inf),
                    spurious=(Spurious(request=request, at=at),),
                ),
                minutes=30,
                demand=demand,
                polling="usual",
                is_sample=at == 100,
            )


def below() -> Iterator[Case]:
    """A limit is learnt; then less is asked for than it allows, and one 429 comes for no reason."""
    demand = Steps.always(90).then(3 * MINUTE, 20).then(12 * MINUTE, 50)
    for told, hint in _HINTS.items():
        for request in ("poll", "submit"):
            yield Case(
                name=f"below/{told}/{request}",
                terms=replace(
                    _always(60, hint=hint),
                    spurious=(Spurious(request=request, at=550),),
                ),
                minutes=25,
                demand=demand,
                polling="usual",
                is_sample=told == "untold",
            )


def restarted() -> Iterator[Case]:
    """The client ends, and a new one continues on the same account."""
    for limit in (60, 120, 500):
        for told, hint in _HINTS.items():
            for at in (4 * MINUTE + 10, 4 * MINUTE + 50) if limit != 500 else (4 * MINUTE + 25,):
                case = Case(
                    name=f"restart/{limit}/{told}/at-{at:g}s",
                    terms=_always(limit, hint=hint),
                    minutes=11 if limit <= 120 else 8,
                    restart_at=at,
                    is_sample=limit == 60,
                )
                yield case
                yield replace(
                    case, name=f"restart-learnt/{limit}/{told}/at-{at:g}s", learnt=limit, is_sample=False
                )


def counted() -> Iterator[Case]:
    """Polls use up the limit, too; a batch decides when to poll."""
    for limit in (20, 60, 120, 500):
        for told, hint in _HINTS.items():
            yield Case(
                name=f"counted-{limit}/{told}",
                terms=replace(_always(limit, hint=hint), counts_polls=True),
                minutes=20 if limit <= 120 else 12,
                polling="batch",
                is_sample=limit <= 60,
            )


def with_what_they_are_compared_with(chosen: Sequence[Case]) -> list[Case]:
    """The chosen cases, and the calm ones beside them."""
    names = {case.name for case in chosen}
    wanted = {case.beside for case in chosen} - names
    return [*chosen, *(case for case in all_cases() if case.name in wanted)]


def all_cases() -> list[Case]:
    """All of them."""
    makers = (
        constant,
        spurious,
        noise,
        raised,
        raised_otherwise,
        lowered,
        shared,
        pairs,
        web,
        below,
        restarted,
        counted,
    )
    return [case for make in makers for case in make()]

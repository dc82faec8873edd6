"""The labelled sets: results with the row that each was made for, and what was measured of it.

The seeds were written down before any threshold was looked at. The thresholds were chosen on `DESIGN` alone.
`FIRST_HOLD_OUT` has other seeds and other drawings. What was wrong there changed two measures, so there is a
second one, `HOLD_OUT`, which nothing was changed for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from random import Random

from segmind_swap import ResultMeasures
from segmind_swap._review.checks.pixels.looks import Look, look_at, measures_of_result

from .drawings import situation
from .rows import ROWS, encoded


@dataclass(frozen=True)
class LabelledSet:
    """A set. `style` is that of `drawings.situation`."""

    name: str
    seed: int
    style: str


DESIGN = LabelledSet("design", 20261130, "drawn")
FIRST_HOLD_OUT = LabelledSet("first hold-out", 40961, "bundled")
HOLD_OUT = LabelledSet("hold-out", 77713, "bundled")
SETS = {one.name: one for one in (DESIGN, FIRST_HOLD_OUT, HOLD_OUT)}
EACH = 40
"""Results of each row."""


@dataclass(frozen=True)
class Labelled:
    """One result."""

    row: str
    measures: ResultMeasures


def _look(data: bytes) -> Look:
    return look_at(data, hashlib.sha256(data).hexdigest())


def measured(result: bytes, scene: bytes, reference: bytes) -> ResultMeasures:
    """The measures of a result, from the files' bytes."""
    return measures_of_result(_look(result), _look(scene), _look(reference))


def results_of_row(chosen: LabelledSet, number: int, count: int) -> list[Labelled]:
    """The results of one row. Each result has a seed of its own."""
    row = ROWS[number]
    found: list[Labelled] = []
    earlier = None
    for turn in range(count):
        rng = Random(f"{chosen.seed} {row.name} {turn}")
        made = situation(rng, chosen.style, row.figure)
        picture = row.make(made, rng)
        if row.name == "same as another":
            earlier = picture if turn % 2 == 0 or earlier is None else earlier
            picture = earlier
        form = rng.choice(("JPEG", "JPEG", "PNG", "WEBP"))
        result = encoded(picture, form, rng.randrange(78, 96))
        scene = encoded(made.scene, rng.choice(("JPEG", "PNG")), 90)
        found.append(Labelled(row.name, measured(result, scene, encoded(made.reference, "PNG"))))
    return found


def results(chosen: LabelledSet, *, count: int = EACH, processes: int = 2) -> Iterator[Labelled]:
    """All results of a set, row by row."""
    numbers = range(len(ROWS))
    if processes == 1:
        for number in numbers:
            yield from results_of_row(chosen, number, count)
        return
    with ProcessPoolExecutor(processes) as pool:
        for found in pool.map(results_of_row, [chosen] * len(ROWS), numbers, [count] * len(ROWS)):
            yield from found

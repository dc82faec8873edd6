"""How often each flag is right, and in which rows: precision, recall, and a table of rows by flags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from segmind_swap import ResultFlag, Thresholds, flag_results

from .labelled import Labelled
from .rows import ROWS


@dataclass(frozen=True)
class Score:
    """The score of one flag.

    Attributes:
        wanted: How many results should have the flag.
        found: How many of these have it.
        wrong: How many other results have it, without those of rows in which it is no mistake.
    """

    flag: ResultFlag
    wanted: int
    found: int
    wrong: int

    @property
    def recall(self) -> float:
        return self.found / self.wanted if self.wanted else 1.0

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0


def flags_by_row(
    results: Sequence[Labelled], thresholds: Thresholds | None = None
) -> dict[str, list[set[ResultFlag]]]:
    """The flags of each result, by its row."""
    keyed = {str(number): one for number, one in enumerate(results)}
    flagged = flag_results({key: one.measures for key, one in keyed.items()}, thresholds)
    found: dict[str, list[set[ResultFlag]]] = {row.name: [] for row in ROWS}
    for key, one in keyed.items():
        found[one.row].append(set(flagged[key].flags))
    return found


def scores(by_row: dict[str, list[set[ResultFlag]]]) -> Iterator[Score]:
    """The score of each flag that a row is about."""
    for flag in ResultFlag:
        wanted = found = wrong = 0
        for row in ROWS:
            count = sum(flag in flags for flags in by_row[row.name])
            if row.right is flag:
                wanted += len(by_row[row.name])
                found += count
            elif flag not in row.also:
                wrong += count
        if wanted or wrong:
            yield Score(flag, wanted, found, wrong)


def score_table(found: Iterable[Score]) -> Iterator[str]:
    yield "| flag | should have it | have it | wrongly have it | recall | precision |"
    yield "|---|---|---|---|---|---|"
    for one in found:
        recall = f"{one.recall:.3f}" if one.wanted else "-"
        precision = f"{one.precision:.3f}" if one.wanted else "-"
        yield f"| `{one.flag}` | {one.wanted} | {one.found} | {one.wrong} | {recall} | {precision} |"


def row_table(by_row: dict[str, list[set[ResultFlag]]]) -> Iterator[str]:
    yield "| row | results | right flag | have it | any flag | other flags | wrongly flagged |"
    yield "|---|---|---|---|---|---|---|"
    for row in ROWS:
        flags = by_row[row.name]
        counts = Counter(flag for each in flags for flag in each if flag is not row.right)
        others = ", ".join(f"{flag} {count}" for flag, count in counts.most_common()) or "-"
        allowed = {row.right, *row.also}
        mistakes = sum(bool(each - allowed) for each in flags)
        right = f"`{row.right}`" if row.right else "none"
        have = str(sum(row.right in each for each in flags)) if row.right else "-"
        some = sum(bool(each) for each in flags)
        yield f"| {row.name} | {len(flags)} | {right} | {have} | {some} | {others} | {mistakes} |"

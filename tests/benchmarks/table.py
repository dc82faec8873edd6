"""What was found, as a table: each goal, its figure, and whether it is reached or by how much it is not."""

import re
from collections.abc import Iterable, Iterator, Sequence

from .findings import Finding, Found

HEAD = f"{'what':76} {'measured':>14} {'goal':>16} {'':14} how"


def lines(found: Found) -> Iterator[str]:
    """A line for each figure."""
    for finding in found.findings:
        yield (
            f"{finding.what:76} {_figure(finding):>14} {_goal(finding):>16} {_verdict(finding):14}"
            f" {_beside(finding)}{finding.note}"
        ).rstrip()


def page(found: Found) -> str:
    """The same as a table in Markdown. Figures of others have a column for each of them."""
    others = list(dict.fromkeys(name for one in found.findings for name in one.beside))
    head = ["what", "measured", "goal", "", *others, "how"]
    rows = [
        _row(head),
        "|---" * len(head) + "|",
        *(
            _row(
                [
                    one.what,
                    _figure(one),
                    _goal(one),
                    _verdict(one),
                    *(_other(one, name) for name in others),
                    one.note,
                ]
            )
            for one in found.findings
        ),
    ]
    return re.sub(r"\bus\b", "µs", "\n".join(rows)) + "\n"


def with_figures(text: str, found: Sequence[Found]) -> str:
    """The page of figures, with new tables in the place of those of the same rows."""
    tables = {one.row: page(one) for one in found}
    marked = re.compile(r"^(<!-- figures: (\w+) -->\n)(.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL)

    def written(block: re.Match[str]) -> str:
        table = tables.get(block[2])
        return block[0] if table is None else f"{block[1]}\n{table}\n<!-- end -->"

    return marked.sub(written, text)


def _number(value: float) -> str:
    if value == float("inf"):
        return "never"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(finding: Finding) -> str:
    return _with_unit(finding.figure, finding.unit)


def _with_unit(figure: float, unit: str) -> str:
    number = _number(figure)
    return number if number == "never" else f"{number} {unit}".strip()


def _other(finding: Finding, name: str) -> str:
    figure = finding.beside.get(name)
    return "" if figure is None else _with_unit(figure, finding.unit)


def _beside(finding: Finding) -> str:
    """The figures of others, for a line without columns for them."""
    known = [f"{name} {_other(finding, name)}" for name in finding.beside if _other(finding, name)]
    return f"({', '.join(known)}) " if known else ""


def _goal(finding: Finding) -> str:
    return "" if finding.goal is None else f"{finding.goal.sense} {_number(finding.goal.bound)}"


def _verdict(finding: Finding) -> str:
    if finding.goal is None:
        return ""
    if finding.is_reached:
        return "reached"
    by = finding.missed_by
    return "missed" if by == float("inf") else f"missed by {by:.0%}"

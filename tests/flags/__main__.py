"""How often the flags are right, and what they cost: `nox -s flags`. Prints tables in Markdown."""

import argparse
import time
from collections.abc import Iterator

from segmind_swap import Thresholds, flag_results

from .labelled import EACH, SETS, results
from .score import flags_by_row, row_table, score_table, scores
from .speed import milliseconds_a_result, seconds_and_megabytes, seconds_of_copies


def tables_of(name: str, count: int, thresholds: Thresholds) -> Iterator[str]:
    """The tables of one set."""
    found = list(results(SETS[name], count=count))
    by_row = flags_by_row(found, thresholds)
    yield f"\n## The {name} set: {len(found):,} results, {count} a row\n"
    yield from score_table(scores(by_row))
    yield ""
    yield from row_table(by_row)


def previews_table(thresholds: Thresholds) -> Iterator[str]:
    """A line for each preview."""
    from .previews import previews

    measures = dict(previews())
    flagged = flag_results(measures, thresholds)
    yield f"\n## Local previews: {len(measures)}\n"
    yield "| preview | flags | change | background | light | character |"
    yield "|---|---|---|---|---|---|"
    for name, one in measures.items():
        numbers = one.numbers()
        shown = (
            f"{numbers[key]:.2f}" if key in numbers else "-"
            for key in ("change", "background", "light", "character")
        )
        yield f"| {name} | {', '.join(flagged[name].flags) or '-'} | {' | '.join(shown)} |"


def speed_tables() -> Iterator[str]:
    """What the flags cost."""
    yield "\n## CPU time of a result: decoding it and its scene, and all numbers\n"
    yield "| size | format | ms |"
    yield "|---|---|---|"
    for size, form, taken in milliseconds_a_result():
        yield f"| {size} | {form} | {taken:.0f} |"
    yield "\n## Flags of 10,000 measured results\n"
    yield "| results | CPU s | MB | with a flag |"
    yield "|---|---|---|---|"
    for kind in ("all different", "a film", "all the same"):
        seconds, megabytes, flagged = seconds_and_megabytes(kind)
        yield f"| {kind} | {seconds:.2f} | {megabytes:.1f} | {flagged:,} |"
    yield f"\nCopies among 10,000 inputs: {seconds_of_copies():.2f} s of CPU"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m flags", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of: {', '.join(SETS)}, previews, speed; all without any")
    parser.add_argument("--each", type=int, default=EACH, help="results of each row; default: %(default)s")
    parser.add_argument("--flag", action="append", default=[], metavar="NAME=NUMBER", help="as of `review`")
    wanted = parser.parse_args()
    parts = wanted.parts or [*SETS, "previews", "speed"]
    if unknown := set(parts) - {*SETS, "previews", "speed"}:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    thresholds = Thresholds().with_settings(wanted.flag)
    started = time.monotonic()
    for part in parts:
        if part == "speed":
            lines = speed_tables()
        elif part == "previews":
            lines = previews_table(thresholds)
        else:
            lines = tables_of(part, wanted.each, thresholds)
        for line in lines:
            print(line, flush=True)
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()

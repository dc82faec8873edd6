"""What the package costs, and which goals it reaches: `nox -s bench`."""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

from .findings import FULL, QUICK, Found
from .rows import ROWS
from .table import HEAD, lines, with_figures


def main() -> None:
    """Prints the rows that were asked for, as they come."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all without any")
    parser.add_argument("--quick", action="store_true", help="a tenth of the swaps, each once: two minutes")
    parser.add_argument("--repeats", type=int, help="of each client, where there are any, in turns")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was found there")
    parser.add_argument(
        "--docs", type=Path, metavar="FOLDER", help="write and draw it into the documentation"
    )
    options = parser.parse_args()
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {unknown[0]!r}; there are {', '.join(ROWS)}")
    effort = QUICK if options.quick else FULL
    if options.repeats is not None:
        effort = replace(effort, repeats=options.repeats)
    started = time.monotonic()
    print(HEAD)
    found: list[Found] = []
    for name in options.rows or ROWS:
        found.append(ROWS[name](effort))
        print("\n".join(lines(found[-1])), flush=True)
    missed = [finding for one in found for finding in one.findings if not finding.is_reached]
    goals = [finding for one in found for finding in one.findings if finding.goal is not None]
    print(f"{len(goals) - len(missed)} of {len(goals)} goals are reached; {time.monotonic() - started:.0f} s")
    if options.json is not None:
        options.json.write_text(json.dumps([one.as_json() for one in found]))
    if options.docs is not None:
        # Only who draws needs matplotlib.
        from .plots import draw

        draw(found, options.docs / "images")
        performance = options.docs / "explanation" / "performance.md"
        performance.write_text(with_figures(performance.read_text("utf-8"), found), "utf-8")


if __name__ == "__main__":
    main()

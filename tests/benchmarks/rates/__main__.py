"""Runs some of the cases of rate limits, and prints what was accepted in each minute.

Examples: `python -m tests.benchmarks.rates spurious-submit/60 'raise-*'`, and `--list` for all names.
"""

import argparse
import time
from fnmatch import fnmatch

from .families import all_cases, with_what_they_are_compared_with
from .figures import per_hundred_later, to_find
from .gates import OURS, WHO
from .run import Run, can_be_given_what_was_learnt
from .study import by_who, in_processes, judged


def main() -> None:
    """Prints the minutes of each case, and what became of the goals."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.rates",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help="a name, or the beginning of one; `*` is anything"
    )
    parser.add_argument("--who", action="append", choices=list(WHO), help=f"whose limiter; {OURS} by default")
    parser.add_argument("--sample", action="store_true", help="only the cases that the others run, too")
    parser.add_argument("--goals", action="store_true", help="only the goals, and the cases that miss one")
    parser.add_argument("--list", action="store_true", help="only the names")
    options = parser.parse_args()
    chosen = [
        case
        for case in all_cases()
        if (not options.cases or any(fnmatch(case.name, f"{name}*") for name in options.cases))
        and (case.is_sample or not options.sample)
        and (case.learnt is None or can_be_given_what_was_learnt())
    ]
    if options.list:
        print("\n".join(case.name for case in chosen))
        return
    if not chosen:
        parser.error("there is no such case; `--list` names all")
    started = time.monotonic()
    runs = []
    for one in in_processes(
        [(case, who) for who in options.who or [OURS] for case in with_what_they_are_compared_with(chosen)]
    ):
        runs.append(one)
        if not options.goals:
            print(_minutes(one), flush=True)
    for who, found in by_who(runs).items():
        print(f"\n{who}: {len(found)} cases, {time.monotonic() - started:.0f} s")
        for verdict in judged(found):
            what = verdict.criterion
            goal = "" if what.goal is None else f"wanted {what.goal.sense} {what.goal.bound:g}"
            mark = "MISSED" if verdict.failed else ""
            print(
                f"  {what.what:58} {verdict.figure:9.3f} {what.unit:2} {goal:20} {mark:6}"
                f" worst of {len(verdict.figures)}: {verdict.case}"
            )
            for name, figure in sorted(verdict.failed.items()):
                print(f"      {figure:9.3f} {name}")


def _minutes(one: Run) -> str:
    counts = " | ".join(" ".join(map(str, one.by_minute(client))) for client in range(len(one.accepted)))
    return (
        f"{one.case.name} ({one.who}): {counts}; 429s: {to_find(one):.0f} first,"
        f" {per_hundred_later(one):.2f} per 100 later, {len(one.refused_polls)} on free polls"
    )


if __name__ == "__main__":
    main()

"""What faults cost: `nox -s faults`. Ends with 1 if something that must be zero is not."""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from .batch import POLICIES, Policy
from .mechanisms import MECHANISMS
from .rows import NO_FAULT, ROWS
from .trial import Figures, trial

MOST_EXTRA = 1.0
"""How many more requests a fault may cause, as a share of those that a batch without faults takes."""


def trials(
    pool: ProcessPoolExecutor,
    rows: Iterable[str],
    swaps: int,
    without: str | None,
    policies: Sequence[Policy] = POLICIES,
) -> Iterator[Figures]:
    """All rows, several at a time: most of a row is waiting."""
    futures = [pool.submit(trial, row, policy, swaps, without) for row in rows for policy in policies]
    for future in futures:
        yield future.result()


def print_table(found: Iterable[Figures]) -> list[Figures]:
    """Prints each row as it comes; returns those that are red."""
    print(
        f"{'fault':44} {'policy':10} {'trials':>6} {'paid twice':>10} {'lost':>5} {'unknown':>7}"
        f" {'told twice':>10} {'extra requests':>14}"
    )
    usual: dict[str, int] = {}
    red = []
    for figures in found:
        if figures.row == NO_FAULT.name:
            usual[figures.policy] = figures.requests
        base = usual.get(figures.policy)
        extra = (figures.requests - base) / base if base else 0.0
        is_red = figures.is_red or extra > MOST_EXTRA
        known = figures.account
        columns = (
            ("?",) * 4 if known is None else (known.paid_twice, known.lost, known.unknown, known.duplicates)
        )
        paid_twice, lost, unknown, duplicates = columns
        print(
            f"{figures.row:44} {figures.policy:10} {figures.trials:6} {paid_twice:>10} {lost:>5} {unknown:>7}"
            f" {duplicates:>10} {extra:>+14.0%}{'  RED' if is_red else ''}",
            *(f"\n    {complaint}" for complaint in figures.complaints),
            flush=True,
        )
        if is_red:
            red.append(figures)
    return red


def print_mechanisms(pool: ProcessPoolExecutor, rows: list[str], swaps: int) -> bool:
    """Prints which rows turn red without each mechanism, under `strict`; false if one is missed by none."""
    all_missed = True
    for mechanism in MECHANISMS:
        red = [figures for figures in trials(pool, rows, swaps, mechanism, ["strict"]) if figures.is_red]
        print(f"without {mechanism}: {len(red)} of {len(rows)} rows are red", flush=True)
        for figures in red:
            known = figures.account
            told = "" if known is None else f"paid twice {known.paid_twice}, lost {known.lost}"
            print(f"    {figures.row:44} {'; '.join(filter(None, [told, *figures.complaints]))}", flush=True)
        all_missed = all_missed and bool(red)
    return all_missed


def main() -> int:
    """Prints one of the two tables."""
    parser = argparse.ArgumentParser(prog="nox -s faults --", description=__doc__)
    parser.add_argument("--swaps", type=int, default=60, help="in each row")
    parser.add_argument("--rows", default="", help="only rows whose names hold this text")
    parser.add_argument("--jobs", type=int, default=6, help="rows at a time")
    parser.add_argument("--without", choices=MECHANISMS, help="what is deleted")
    parser.add_argument("--mechanisms", action="store_true", help="which rows turn red without each")
    options = parser.parse_args()
    rows = [row for row in ROWS if options.rows in row or (row == NO_FAULT.name and not options.mechanisms)]
    started = time.monotonic()
    # Started afresh: a fork would take over the threads' locks, and a deletion.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        if options.mechanisms:
            is_well = print_mechanisms(pool, rows, options.swaps)
        else:
            print(f"{options.swaps} swaps in each row, without {options.without or 'nothing'}")
            red = print_table(trials(pool, rows, options.swaps, options.without))
            is_well = not red
            print(f"{len(red)} of {len(rows) * len(POLICIES)} are red")
    print(f"{time.monotonic() - started:.0f} s")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())

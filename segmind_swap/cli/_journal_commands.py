"""What a journal tells of a batch, and what a person decides about its swaps."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from segmind_swap import Journal, JournalSummary

from ._exit_codes import Exit, give_up
from ._state_labels import table_of
from ._text import dollars, one_line

JOURNAL = "journal.db"
_SHOWN = 20


def journal_at(path: Path) -> Path:
    """The journal as the command line names it: its file, or the folder of its batch."""
    return path / JOURNAL if path.is_dir() else path


def show_status(journal: Path, *, as_json: bool) -> None:
    """Counts, money, and what waits for a decision.

    Raises:
        JournalError: it cannot be read.
    """
    summary = Journal(journal_at(journal)).summary()
    if as_json:
        print(summary.model_dump_json())
        return
    console = Console(highlight=False, emoji=False)
    total = sum(summary.states.values())
    swaps = "1 swap" if total == 1 else f"{total:,} swaps"
    console.print(f"{swaps} in {escape(one_line(str(journal_at(journal))))}", soft_wrap=True)
    console.print(table_of(summary.states), soft_wrap=True)
    console.print(
        f"money: {dollars(summary.spent_usd)} spent,"
        f" {dollars(summary.reserved_usd)} reserved for what may still have to be paid",
        soft_wrap=True,
    )
    _show_unknown(console, journal, summary)


def _show_unknown(console: Console, journal: Path, summary: JournalSummary) -> None:
    ids = summary.unknown
    if not ids:
        return
    lines = ["", "Unknown, each perhaps accepted and billed: look for it in the account's history."]
    lines += [f"  {one_line(id)}" for id in ids[:_SHOWN]]
    if len(ids) > _SHOWN:
        lines.append(f"  and {len(ids) - _SHOWN:,} more: --json names them all")
    lines.append(f"Then settle each, as in this example of {one_line(ids[0])}:")
    for meaning, decision in (
        ("its job is there: the next run waits for it, which is free", "--wait-again --poll-url URL"),
        ("it is not there: the next run submits it, which is paid", "--resubmit"),
        ("neither: what it may have cost stays counted", "--abandon"),
    ):
        lines += [f"  # {meaning}", f"  {resolve_command(journal, ids[0], decision)}"]
    console.print("\n".join(lines), markup=False, soft_wrap=True)


def resolve_command(journal: Path, id: str, decision: str) -> str:
    """The command that settles a swap; an id may begin like an option."""
    if id.startswith("-"):
        return shlex.join(["segmind-swap", "resolve", str(journal), *shlex.split(decision), "--", id])
    return shlex.join(["segmind-swap", "resolve", str(journal), id, *shlex.split(decision)])


def settle(
    journal: Path, id: str, *, resubmit: bool, abandon: bool, wait_again: bool, poll_url: str | None
) -> None:
    """Writes a decision down, and says what it means for the money.

    Raises:
        JournalError: the journal does not allow it.
    """
    if resubmit + abandon + wait_again != 1:
        give_up(Exit.USAGE, "give exactly one of --resubmit, --abandon and --wait-again")
    if poll_url is not None and not wait_again:
        give_up(Exit.USAGE, "--poll-url goes with --wait-again")
    book = Journal(journal_at(journal))
    if resubmit:
        book.resubmit(id)
        meaning = (
            "will be submitted again, and paid: about $0.15, besides what it may have cost before. The next"
            " `segmind-swap batch` does it"
        )
    elif abandon:
        book.abandon(id)
        meaning = (
            "is given up: neither waited for nor submitted again. What it may have cost stays counted, also"
            " against a budget. The next `segmind-swap batch` passes it over"
        )
    else:
        book.wait_again(id, poll_url=poll_url)
        meaning = (
            "will be waited for, which is free: its job is billed already. The next `segmind-swap batch` does"
            " it"
        )
    Console(highlight=False, emoji=False).print(f"{one_line(id)} {meaning}", markup=False, soft_wrap=True)

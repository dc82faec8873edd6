"""The commands that read and change a journal: `status` and `resolve`."""

from __future__ import annotations

import ipaddress
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from segmind_swap import PRICE_USD, Journal, JournalError, JournalSummary, OutcomeState
from segmind_swap._api.ids import canonical_id

from ._batch.options import JOURNAL_NAME
from ._rate.status import learned_text
from ._terminal.console import console, print_json
from ._terminal.errors import exit_with_error
from ._terminal.exit_codes import ExitCode
from ._terminal.state_labels import states_table
from ._terminal.text import format_usd, one_line

_MAX_IDS_SHOWN = 20
_SERVICE_JOURNAL_NAME = "swaps.db"
"""The name of a service's journal in the guide."""


def journal_file(path: Path) -> Path:
    """The file for the argument JOURNAL, which may also name the folder of a batch.

    Raises:
        JournalError: The folder has no journal of a batch, and has the journal of a service.
    """
    if not path.is_dir():
        return path
    file, other = path / JOURNAL_NAME, path / _SERVICE_JOURNAL_NAME
    if other.is_file() and not file.exists():
        raise JournalError(f"there is no journal {file}: name the file {other}", path=str(file))
    return file


def print_status(journal: Path, *, as_json: bool) -> None:
    """Prints the counts of states, the money, and the swaps that need a decision.

    Raises:
        JournalError: The journal cannot be read.
    """
    opened = Journal(journal_file(journal))
    summary = opened.summary()
    if as_json:
        print_json(summary)
        return
    out = console()
    total = sum(summary.states.values())
    swaps = "1 swap" if total == 1 else f"{total:,} swaps"
    out.print(f"{swaps} in {escape(one_line(str(journal_file(journal))))}")
    out.print(states_table(summary.states))
    out.print(
        f"money: {format_usd(summary.spent_usd)} spent,"
        f" {format_usd(summary.reserved_usd)} reserved for what may still have to be paid"
    )
    if (host := urlsplit(opened.origin or "").hostname) and _is_this_machine(host):
        out.print(f"nothing was billed: the service was an emulator, {escape(opened.origin or '')}")
    for line in redo_lines(summary):
        out.print(line, markup=False)
    if summary.learned_rate is not None:
        out.print(
            f"rate limit: {one_line(learned_text(summary.learned_rate))}", markup=False, highlight=False
        )
    _print_unknown(out, journal, summary)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def redo_lines(summary: JournalSummary) -> list[str]:
    """What redos have done, and what they have not finished; empty if nothing was redone."""
    lines = []
    if summary.redone:
        lines.append(f"{summary.redone:,} redone: the current version is a later one than the first")
    if summary.redos:
        states = ", ".join(f"{count:,} {state}" for state, count in summary.redos.items())
        lines.append(f"redos without a picture: {states}; the version before is still current")
    if summary.redo_usd:
        lines.append(f"{format_usd(summary.redo_usd)} of this money is for redos")
    return lines


def _print_unknown(out: Console, journal: Path, summary: JournalSummary) -> None:
    ids = summary.unknown
    if not ids:
        if OutcomeState.SENDING in {*summary.states, *summary.redos}:
            out.print(
                "\nIf no batch is running, look for what was being sent in the account's history (free):"
            )
            out.print(f"  {_reconcile_command(journal)}", markup=False)
        return
    lines = [
        "",
        "Unknown swaps, each perhaps accepted and billed:",
    ]
    lines += [f"  {one_line(id)}" for id in ids[:_MAX_IDS_SHOWN]]
    if len(ids) > _MAX_IDS_SHOWN:
        lines.append(f"  and {len(ids) - _MAX_IDS_SHOWN:,} more: --json lists all ids")
    lines.append("Look for their jobs in the account's history, which is free and changes nothing yet:")
    lines.append(f"  {_reconcile_command(journal)}")
    gone = summary.without_pictures
    # An example that shows every decision that some swap allows.
    example = next((id for id in ids if id not in gone), ids[0])
    lines.append(f"Or decide about each swap yourself, as in this example for {one_line(example)}:")
    submit = ("there was no job: the next run submits the swap, which is paid", "--resubmit")
    for meaning, decision in (
        ("the job is known: the next run waits for the job, which is free", "--wait-again --poll-url URL"),
        *([submit] if example not in gone else []),
        ("give the swap up: what it may have cost stays counted", "--abandon"),
    ):
        lines += [f"  # {meaning}", f"  {resolve_command(journal, example, decision)}"]
    if gone:
        lines.append(
            f"{len(gone):,} of them came with uploaded pictures, which are not kept after they are sent: only"
            " the application can pay for such a swap again, if it enqueues the swap with the pictures and"
            " `pay_again`"
        )
    out.print("\n".join(lines), markup=False)


def _reconcile_command(journal: Path) -> str:
    return shlex.join(["segmind-swap", "reconcile", str(journal)])


def resolve_command(journal: Path, id: str, decision: str) -> str:
    """The shell command that records `decision`; an id may begin with a dash, as an option does."""
    if id.startswith("-"):
        return shlex.join(["segmind-swap", "resolve", str(journal), *shlex.split(decision), "--", id])
    return shlex.join(["segmind-swap", "resolve", str(journal), id, *shlex.split(decision)])


def record_decision(
    journal: Path, id: str, *, resubmit: bool, abandon: bool, wait_again: bool, poll_url: str | None
) -> None:
    """Records the decision about a swap in the journal, and prints what the decision costs.

    Raises:
        JournalError: The journal has no such swap, or the state of the swap does not allow the decision.
    """
    if resubmit + abandon + wait_again != 1:
        exit_with_error(ExitCode.USAGE, "give exactly one of --resubmit, --abandon and --wait-again")
    if poll_url is not None and not wait_again:
        exit_with_error(ExitCode.USAGE, "--poll-url needs --wait-again")
    journal_to_change = Journal(journal_file(journal))
    named, version = one_line(id), _latest_version(journal_to_change, id)
    submits = "The next `segmind-swap batch` submits it"
    if version > 1:
        named += f", version {version},"
        submits = "Only the same `segmind-swap redo` submits it: a batch never pays for a redo"
    if resubmit:
        journal_to_change.resubmit(id)
        effect = (
            f"will be submitted again, and paid: about {format_usd(PRICE_USD)}, besides what the swap may"
            f" have cost before. {submits}"
        )
    elif abandon:
        journal_to_change.abandon(id)
        effect = (
            "is given up: neither waited for nor submitted again. What it may have cost stays counted, also"
            " against a budget. The next `segmind-swap batch` skips it"
        )
    else:
        journal_to_change.wait_again(id, poll_url=poll_url)
        effect = (
            "will be waited for, which is free: its job is billed already. The next `segmind-swap batch`"
            " waits for it"
        )
    console().print(f"{named} {effect}", markup=False)


def _latest_version(journal: Journal, id: str) -> int:
    """The version about which a person decides: the latest of the id. 1 if there is no such swap."""
    key = canonical_id(id)
    outcomes = (version.outcome for version in journal.versions())
    return max((o.version for o in outcomes if canonical_id(o.request.id or "") == key), default=1)

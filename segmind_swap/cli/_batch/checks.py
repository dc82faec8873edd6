"""Check every input before anything is paid: what cannot be used is told once a cause, or left out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segmind_swap import (
    ConfigurationError,
    CopyHint,
    InputCheck,
    JournalError,
    PictureHint,
    SwapClient,
    SwapOutcome,
    SwapRequest,
)

from .._scenes.passed_over import listed
from .._terminal.console import status_display
from .._terminal.install_hint import install_hint
from .._terminal.option_names import message_of
from .._terminal.text import format_usd, one_line
from .pairs_file import Pairs, Problem

_MAX_PROBLEMS_SHOWN = 20
_MAX_IDS_SHOWN = 3
_MAX_PLACES_SHOWN = 8
_PROGRESS_EVERY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPairs:
    """The inputs that can be used, and what was found in them.

    Attributes:
        pairs: The inputs, without those that were left out.
        check: What the client has found.
        left_out: The inputs that cannot be used.
        rows_left_out: How many rows of the table are no pair.
        lines: What was left out, and why: a line for each cause.
        refusal: Why nothing may be sent: inputs that cannot be used, without `--skip-bad`. Else empty.
    """

    pairs: Pairs
    check: InputCheck
    left_out: tuple[SwapOutcome, ...] = ()
    rows_left_out: int = 0
    lines: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def count_left_out(self) -> int:
        """How many inputs were left out."""
        return len(self.left_out) + self.rows_left_out

    @property
    def ids_of_copies(self) -> frozenset[str]:
        """The ids of the inputs whose pictures have the same content as those of another swap."""
        return frozenset(copy.id or "" for copy in self.check.copies if copy.is_identical)

    def notes(self, *, price_usd: float, once_per_picture: bool) -> list[str]:
        """What a person should know of the inputs before anything is paid."""
        check = self.check
        notes = list(self.lines)
        if check.copies:
            notes.append(_copies_text(check.copies, price_usd=price_usd, once_per_picture=once_per_picture))
        if check.flat:
            notes.append(
                f"{_counted(check.flat)} of one colour: {listed(_names(check.flat), _MAX_IDS_SHOWN)}"
            )
        if check.undecoded:
            shown = [f"{_name(hint)} ({hint.reason})" for hint in check.undecoded]
            notes.append(
                f"{_counted(check.undecoded)} could not be looked at, and may be sound:"
                f" {listed(shown, _MAX_IDS_SHOWN)}"
            )
        if not check.is_decoded:
            notes.append(install_hint("no picture was decoded, so damage may be hidden: that", "review"))
        return notes

    def fields(self) -> dict[str, object]:
        """The same for `--json`."""
        check = self.check
        return {
            "copies": [
                {"id": copy.id, "of": copy.original_id, "identical": copy.is_identical}
                for copy in check.copies
            ],
            "flat": [{"picture": hint.picture, "ids": hint.ids} for hint in check.flat],
            "undecoded": [
                {"picture": hint.picture, "ids": hint.ids, "reason": hint.reason} for hint in check.undecoded
            ],
            "decoded": check.is_decoded,
            "left_out": [
                {"id": outcome.request.id, "message": message_of(outcome.error)}
                for outcome in self.left_out
                if outcome.error is not None
            ]
            + [{"id": None, "message": str(problem)} for problem in self.pairs.problems],
        }


def _copies_text(copies: Sequence[CopyHint], *, price_usd: float, once_per_picture: bool) -> str:
    identical = sum(copy.is_identical for copy in copies)
    shown = [
        f"{copy.id} {'=' if copy.is_identical else '~'} {copy.original_id}"
        for copy in sorted(copies, key=lambda copy: not copy.is_identical)
    ]
    paid = len(copies) - identical if once_per_picture else len(copies)
    cost = f" (about {format_usd(paid * price_usd)})" if paid else ""
    look = "1 looks like another" if len(copies) == 1 else f"{len(copies):,} look like others"
    text = f"{look}{cost}: {listed(shown, _MAX_IDS_SHOWN)}"
    if not identical:
        return f"{text}; saved again"
    if once_per_picture:
        return f"{text}; {identical:,} identical, so copied for free"
    return f"{text}; {identical:,} identical: --once-per-picture pays once for those"


def _counted(hints: Sequence[PictureHint]) -> str:
    return "1 picture" if len(hints) == 1 else f"{len(hints):,} pictures"


def _names(hints: Sequence[PictureHint]) -> list[str]:
    return [_name(hint) for hint in hints]


def _name(hint: PictureHint) -> str:
    """The name of the file; of a file that many inputs use, how many they are."""
    name = hint.picture if "://" in hint.picture else Path(hint.picture).name
    return name if len(hint.ids) == 1 else f"{name} (of {len(hint.ids):,} inputs)"


async def check_inputs(
    client: SwapClient, pairs: Pairs, *, out: Path, journal: Path, skip_bad: bool
) -> CheckedPairs:
    """Checks every input before any swap is paid, and reports all problems together, each cause once.

    Args:
        client: The client.
        pairs: The inputs.
        out: The folder for the results.
        journal: The journal.
        skip_bad: Whether the others may be sent if some inputs cannot be used.

    Returns:
        What was found. Nothing may be sent if it has a `refusal`.

    Raises:
        ConfigurationError: No input can be used.
        JournalError: The journal exists, and cannot be read.
    """
    with status_display("checking the inputs") as status:

        def counted() -> Iterator[SwapRequest]:
            for number, request in enumerate(pairs.requests):
                if not number % _PROGRESS_EVERY:
                    status.update(f"checking the inputs: {number:,} of {len(pairs.requests):,}")
                yield request

        check = await client.check(counted(), journal=journal, save_to=out)
    groups: defaultdict[str, list[Problem]] = defaultdict(list)
    for problem in pairs.problems:
        groups[problem.text].append(problem)
    for outcome in check:
        groups[_cause(outcome)].append(Problem(outcome.request.id or "", str(outcome.error)))
    if not groups:
        return CheckedPairs(pairs=pairs, check=check)
    lines = [f"  {one_line(line)}" for line in _lines_of_all(groups)]
    bad = {id(outcome.request) for outcome in check}
    usable = [request for request in pairs.requests if id(request) not in bad]
    count = sum(map(len, groups.values()))
    inputs = "1 input" if count == 1 else f"{count:,} inputs"
    if not usable:
        none = f"no input can be used of {count:,}" if skip_bad else f"{inputs} cannot be used"
        raise ConfigurationError("\n".join([f"{none}; nothing was sent", *lines]))
    hint = (
        f"  --skip-bad leaves {'it' if count == 1 else 'them'} out, and continues with the other"
        f" {len(usable):,}"
    )
    refusal = "\n".join([f"{inputs} cannot be used; nothing was sent", *lines, hint])
    told = (f"{inputs} cannot be used, and {'is' if count == 1 else 'are'} left out", *lines)
    return CheckedPairs(
        pairs=replace(pairs, requests=usable),
        check=check,
        left_out=tuple(check),
        rows_left_out=len(pairs.problems),
        lines=told if skip_bad else (),
        refusal="" if skip_bad else refusal,
    )


def _lines_of_all(groups: dict[str, list[Problem]]) -> list[str]:
    lines = [line for group in groups.values() for line in _lines_of(group)]
    if hidden := sum(count for _, count in lines[_MAX_PROBLEMS_SHOWN:]):
        lines[_MAX_PROBLEMS_SHOWN:] = [(f"and {hidden:,} more", hidden)]
    return [line for line, _ in lines]


_CONFLICTS = "conflicts with the journal"


def _cause(outcome: SwapOutcome) -> str:
    """What the problems with one cause have in common: the message, without what names the input."""
    if isinstance(outcome.error, JournalError):
        return _CONFLICTS
    request = outcome.request
    text = str(outcome.error)
    for picture in (request.reference_character_image, request.character_image):
        text = text.replace(str(picture), "")
    return re.sub(rf"(?<!\w){re.escape(request.id or '')}(?!\w)", "", text)


def _lines_of(group: Sequence[Problem]) -> list[tuple[str, int]]:
    """The lines for all problems with one cause, each with the number of inputs that it stands for."""
    first, *rest = group
    if not rest:
        return [(str(first), 1)]
    if len({problem.text for problem in group}) == 1:
        return [(f"{len(group):,} inputs ({_places(group)}): {first.text}", len(group))]
    return [(str(first), 1), (f"and {len(rest):,} more of this kind ({_places(rest)})", len(rest))]


def _places(group: Sequence[Problem]) -> str:
    return listed([problem.place for problem in group], _MAX_PLACES_SHOWN)

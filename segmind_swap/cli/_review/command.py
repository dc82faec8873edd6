"""The command `review`: measures the pictures, writes or serves the page, and applies files of decisions."""

from __future__ import annotations

import asyncio
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
from rich.text import Text

from segmind_swap import AppliedDecisions, Review, ReviewPicture, Verdict, can_measure

from .._terminal.console import console, print_json, print_text, status_display
from .._terminal.errors import print_error
from .._terminal.exit_codes import ExitCode
from .._terminal.install_hint import install_hint
from .._terminal.text import format_usd, one_line, printable
from .options import Listed, ReviewOptions

DECIDED = {
    Verdict.KEEP: "kept",
    Verdict.DISCARD: "discarded",
    Verdict.REDO: "to redo",
    Verdict.UNDECIDED: "undecided",
}
"""What a person says about pictures with a decision."""
_MAX_NAMED = 10


def write_page(options: ReviewOptions) -> ExitCode:
    """Measures the pictures, writes `review.html`, and prints what to look at first.

    Raises:
        ConfigurationError, JournalError: The batch cannot be reviewed.
    """
    review = options.review()
    _print_hint_about_pillow()
    pictures = asyncio.run(_pictures(review))
    with _shown("making thumbnails") as progress:
        page = asyncio.run(review.write_page(on_progress=progress))
    _print_overview(pictures, review)
    print_text(f"page     {page}")
    print_text("open it in a browser, decide by keyboard (? shows the keys), export, and apply the file:")
    print_text(f"  {shlex.join(options.words('--apply', 'decisions.json'))}")
    print_text("or let each decision be saved at once, also while the batch runs:")
    print_text(f"  {shlex.join(options.words('--serve'))}")
    return ExitCode.DONE


def serve_page(options: ReviewOptions, *, port: int) -> ExitCode:
    """Serves the page until Ctrl-C.

    Raises:
        ConfigurationError, JournalError: The batch cannot be reviewed, or the port cannot be used.
    """
    review = options.review()
    _print_hint_about_pillow()
    pictures = asyncio.run(_pictures(review))
    _print_overview(pictures, review)

    async def serve() -> None:
        async with review.serve(port=port) as url:
            out = console()
            out.print(Text.assemble("the page is at ", (url, "bold"), "  (Ctrl-C ends it)"))
            print_text("each decision is saved at once; new pictures of a running batch appear by themselves")
            await anyio.sleep_forever()

    # Whatever ends the command, each decision is on the disk already.
    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        print_error("ended; every decision is saved")
    return ExitCode.DONE


def apply_files(options: ReviewOptions, files: Sequence[Path], *, as_json: bool) -> ExitCode:
    """Applies files of decisions, and prints what was done and what was not.

    Raises:
        ConfigurationError, JournalError: Nothing was applied.
    """
    review = options.review()
    applied = asyncio.run(review.apply(*files))
    if as_json:
        print_json(
            {
                "applied": [mark.model_dump(mode="json") for mark in applied.applied],
                "unchanged": applied.unchanged,
                "older": applied.older,
                "replaced": applied.replaced,
                "unknown": applied.unknown,
                "problems": applied.problems,
                "contradictions": applied.contradictions,
                "stuck": applied.stuck,
            }
        )
    else:
        _print_applied(applied)
        _print_next(options, asyncio.run(_pictures(review)))
    return ExitCode.USAGE if applied.problems or applied.stuck else ExitCode.DONE


def list_pictures(options: ReviewOptions, listed: Listed, *, as_json: bool) -> ExitCode:
    """Prints the ids of the pictures with a decision, or of those that look suspicious.

    Raises:
        ConfigurationError, JournalError: The batch cannot be reviewed.
    """
    review = options.review()
    pictures = [picture for picture in asyncio.run(_pictures(review)) if _is_listed(picture, listed)]
    if as_json:
        print_json([_fields(picture) for picture in pictures])
    else:
        for picture in pictures:
            print_text(one_line(picture.id))
    is_gate = listed is Listed.UNDECIDED and pictures
    return ExitCode.UNDECIDED if is_gate else ExitCode.DONE


def _is_listed(picture: ReviewPicture, listed: Listed) -> bool:
    return picture.is_flagged if listed is Listed.FLAGGED else picture.decision.value == listed.value


def _fields(picture: ReviewPicture) -> dict[str, object]:
    mark, flags = picture.mark, picture.flags
    return {
        "id": picture.id,
        "version": picture.version,
        "decision": picture.decision.value,
        "reasons": [] if mark is None else list(mark.reasons),
        "note": "" if mark is None else mark.note,
        "at": None if mark is None else mark.at.isoformat(),
        "flags": [] if flags is None else [flag.value for flag in flags.flags],
        "numbers": {} if picture.measures is None else picture.measures.numbers(),
        "path": str(picture.path),
        "sha256": picture.sha256,
        "price_usd": picture.price_usd,
    }


async def _pictures(review: Review) -> tuple[ReviewPicture, ...]:
    with _shown("measuring") as progress:
        return await review.pictures(on_progress=progress)


@contextmanager
def _shown(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shows on standard error how many pictures are done."""
    with status_display(what) as status:

        def progress(done: int, total: int) -> None:
            status.update(f"{what}: {done:,} of {total:,}")

        yield progress


def _print_hint_about_pillow() -> None:
    if not can_measure():
        print_error(install_hint("flags and thumbnails", "review"))


def _print_overview(pictures: Sequence[ReviewPicture], review: Review) -> None:
    out = console()
    if not pictures:
        out.print("there is no saved picture to review yet")
    flagged = [picture for picture in pictures if picture.is_flagged]
    counts = Counter(flag.value for picture in flagged if picture.flags for flag in picture.flags.flags)
    if pictures and can_measure():
        causes = ", ".join(f"{count:,} {flag}" for flag, count in counts.most_common())
        out.print(
            f"{len(flagged):,} of {len(pictures):,} to look at first{': ' if causes else ''}{causes}",
            markup=False,
        )
    if pictures:
        out.print(_decisions(pictures), markup=False)
    print_named("recorded as saved, and in no file:", review.missing)
    print_named("files that could not be moved:", review.stuck)


def _decisions(pictures: Sequence[ReviewPicture]) -> str:
    counts = Counter(picture.decision for picture in pictures)
    return " · ".join(f"{counts[verdict]:,} {word}" for verdict, word in DECIDED.items())


def _print_applied(applied: AppliedDecisions) -> None:
    counts = Counter(mark.decision for mark in applied.applied)
    what = ", ".join(f"{count:,} {verdict}" for verdict, count in counts.items())
    print_text(f"applied {len(applied.applied):,}{f' ({what})' if what else ''}")
    if applied.unchanged:
        print_text(f"{applied.unchanged:,} were applied before")
    print_named("a newer decision is stored already, which counts:", applied.older)
    print_named("another picture by now, look at it again:", applied.replaced)
    print_named("no saved picture has the id:", applied.unknown)
    print_named("two files disagree:", applied.contradictions)
    print_named("decisions that cannot be read:", applied.problems)
    print_named("files that could not be moved:", applied.stuck)


def print_named(what: str, names: Sequence[str]) -> None:
    """Prints how many there are, and the first ones, to standard error; nothing if there are none."""
    if not names:
        return
    print_error(f"{len(names):,} {what}")
    lines = [f"  {one_line(name)}" for name in names[:_MAX_NAMED]]
    if len(names) > _MAX_NAMED:
        lines.append(f"  and {len(names) - _MAX_NAMED:,} more")
    console(stderr=True).print(Text(printable("\n".join(lines))))


def _print_next(options: ReviewOptions, pictures: Sequence[ReviewPicture]) -> None:
    print_text(_decisions(pictures))
    redo = [picture for picture in pictures if picture.decision is Verdict.REDO]
    if redo:
        cost = format_usd(sum(picture.price_usd for picture in redo))
        print_text(f"{len(redo):,} to make again, which is paid again, about {cost}. To see what it costs:")
        print_text(f"  {shlex.join(['segmind-swap', 'redo', str(options.out), '--dry-run'])}")
    if any(picture.decision is Verdict.KEEP for picture in pictures):
        print_text("to hand on what is kept:")
        print_text(f"  {shlex.join(['segmind-swap', 'export', str(options.out), '--to', 'delivery'])}")

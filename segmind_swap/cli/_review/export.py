"""The command `export`: hands the kept pictures on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from segmind_swap import Delivery, ReviewPicture, Verdict

from .._terminal.console import print_json, print_text, status_display
from .._terminal.errors import print_error
from .._terminal.exit_codes import ExitCode
from .command import DECIDED, print_named
from .options import Exported, ReviewOptions


def export_pictures(
    options: ReviewOptions, to: Path, *, only: Sequence[Exported], as_zip: bool, as_json: bool
) -> ExitCode:
    """Copies the chosen pictures to a new folder or ZIP file, and prints what is in it.

    Raises:
        ConfigurationError, JournalError: Nothing was written.
    """
    review = options.review()
    chosen = [exported.verdict for exported in only] or [Verdict.KEEP]

    async def export() -> tuple[tuple[ReviewPicture, ...], Delivery]:
        pictures = await review.pictures()
        return pictures, await review.export(to, only=chosen, as_zip=as_zip)

    try:
        with status_display("copying the pictures"):
            pictures, delivery = asyncio.run(export())
    except OSError as exc:
        print_error(f"nothing was exported: {exc.strerror or exc}")
        return ExitCode.USAGE
    left = Counter(picture.decision.value for picture in pictures if picture.decision not in chosen)
    if as_json:
        print_json(
            {
                "path": str(delivery.path),
                "pictures": delivery.pictures,
                "size_bytes": delivery.size_bytes,
                "not_exported": left,
                "missing": review.missing,
            }
        )
        return ExitCode.DONE
    size_mb = delivery.size_bytes / 1_000_000
    what = "1 picture" if delivery.pictures == 1 else f"{delivery.pictures:,} pictures"
    print_text(f"exported {what}, {size_mb:,.1f} MB, to {delivery.path}")
    if left:
        words = (f"{count:,} {DECIDED[Verdict(decision)]}" for decision, count in left.items())
        print_text(f"not exported: {', '.join(words)}")
    print_named("recorded as saved, in no file, and not exported:", review.missing)
    return ExitCode.DONE

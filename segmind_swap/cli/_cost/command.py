"""The command `cost`: prints what batches cost, writes the table, and compares with the account."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segmind_swap import ConfigurationError, Credits, SwapClient

from .._connect import client_settings
from .._journal_commands import journal_file
from .._report.atomic_file import atomic_file
from .._terminal.console import print_json, print_text
from .._terminal.errors import errors_as_exit_codes
from .._terminal.text import format_usd, one_line
from .bill import BilledVersion, Sum, billed, sums_of, write_csv

_TOLERANCE_USD = 0.00005
"""The credits have four decimals."""


def cost(
    batches: Sequence[Path],
    *,
    csv: Path | None,
    credits_before: float | None,
    price: float | None,
    allow_http: bool,
    as_json: bool,
) -> None:
    """Tells what batches cost."""
    with errors_as_exit_codes(as_json=as_json):
        if price is not None and not price > 0:
            raise ConfigurationError(f"--price must be above zero, not {price:g}")
        versions = [
            version
            for batch in batches
            for version in billed(str(batch), journal_file(batch), price_usd=price)
        ]
        if csv is not None:
            _write(csv, versions)
        charged_usd = None
        if credits_before is not None:
            with client_settings(allow_http=allow_http) as settings:
                charged_usd = credits_before - asyncio.run(_credits(settings)).credits
        sums = sums_of(versions)
        if as_json:
            print_json(_fields(sums, versions, charged_usd))
        else:
            print_text("\n".join([*_lines(sums, charged_usd), *_lines_about_local(versions)]))
            if csv is not None:
                print_text(f"table    {csv}")


def _write(path: Path, versions: Sequence[BilledVersion]) -> None:
    try:
        with atomic_file(path) as file:
            write_csv(file, versions)
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be written: {exc.strerror or exc}") from None


async def _credits(settings: dict[str, Any]) -> Credits:
    async with SwapClient(**settings) as client:
        return await client.credits()


def _total(sums: Mapping[str, Sum]) -> Sum:
    return Sum(
        count=sum(found.count for found in sums.values()),
        certain_usd=sum(found.certain_usd for found in sums.values()),
        at_most_usd=sum(found.at_most_usd for found in sums.values()),
    )


def _fields(
    sums: Mapping[str, Sum], versions: Sequence[BilledVersion], charged_usd: float | None
) -> Mapping[str, object]:
    total = _total(sums)
    return {
        "kinds": {kind: _rounded(found) for kind, found in sums.items()},
        "total": _rounded(total),
        "local_batches": _local(versions),
        "charged_usd": None if charged_usd is None else round(charged_usd, 4),
        "versions": [version.fields() for version in versions],
    }


def _rounded(found: Sum) -> Mapping[str, object]:
    return {
        "count": found.count,
        "certain_usd": round(found.certain_usd, 4),
        "at_most_usd": round(found.at_most_usd, 4),
    }


def _lines(sums: Mapping[str, Sum], charged_usd: float | None) -> list[str]:
    if not sums:
        return ["no swap was taken yet, and nothing was paid"]
    total = _total(sums)
    rows = [("", "versions", "certain", "at most")]
    rows += [
        (kind, f"{found.count:,}", format_usd(found.certain_usd), format_usd(found.at_most_usd))
        for kind, found in (*sums.items(), ("total", total))
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}"
        for row in rows
    ]
    if charged_usd is not None:
        lines.append(
            f"the account has {format_usd(charged_usd)} less than before: {_verdict(charged_usd, total)}"
        )
    return lines


def _lines_about_local(versions: Sequence[BilledVersion]) -> list[str]:
    batches = ", ".join(one_line(batch) for batch in _local(versions))
    if not batches:
        return []
    return [f"of this, nobody was billed for {batches}: its service was on this machine, as the emulator is"]


def _local(versions: Sequence[BilledVersion]) -> list[str]:
    """The batches whose service was on this machine. A journal belongs to one service."""
    return list(dict.fromkeys(version.batch for version in versions if version.is_local))


def _verdict(charged_usd: float, total: Sum) -> str:
    """How what was charged compares with the bill."""
    if charged_usd < total.certain_usd - _TOLERANCE_USD:
        return "less than is certain, so some jobs are not billed yet, or cost less than assumed"
    if charged_usd > total.at_most_usd + _TOLERANCE_USD:
        return "more than these batches can have cost, so something else was charged, too"
    if total.at_most_usd - total.certain_usd <= _TOLERANCE_USD:
        return "exactly the total"
    return "between certain and at most"

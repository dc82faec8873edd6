"""The options of `segmind-swap batch`. Imported for `--help`, so it imports nothing heavy."""

from __future__ import annotations

import math
import os
import re
import shlex
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from segmind_swap import ConfigurationError

from .._emulator_engine import Engine

JOURNAL_NAME = "journal.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """The limits of rate and money of a batch.

    Raises:
        ConfigurationError: The price or the budget is no possible amount of money.
    """

    concurrency: int
    rpm: float | None
    budget_usd: float | None
    price_usd: float

    def __post_init__(self) -> None:
        if not 0 < self.price_usd < math.inf:
            raise ConfigurationError(f"--price must be above zero, not {self.price_usd:g}")
        if self.budget_usd is not None and not 0 <= self.budget_usd < math.inf:
            raise ConfigurationError(f"--budget must not be below zero, not {self.budget_usd:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """The arguments and options of one `segmind-swap batch`, as they were given."""

    pairs: Path
    reference: str | None
    out: Path
    journal: Path | None
    concurrency: int
    rpm: float | None
    budget_usd: float | None
    price_usd: float
    poll_interval: float | None
    strict: bool
    timeout: float
    failed_is_free: bool
    retry_failed: bool
    once_per_picture: bool
    skip_bad: bool
    recursive: bool
    max_futile: int
    max_failed: int
    dry_run: bool
    emulator: bool
    allow_http: bool
    as_json: bool
    engine: Engine | None = None

    @property
    def journal_path(self) -> Path:
        """The journal: `--journal`, or `journal.db` in `--out`."""
        return self.journal or self.out / JOURNAL_NAME

    def check_names(self) -> None:
        """Refuses paths that are not UTF-8, before any folder is made: a journal stores only UTF-8.

        Raises:
            ConfigurationError: The path of `--out` or `--journal` is not UTF-8.
        """
        for option, path in (("--out", self.out), ("--journal", self.journal_path)):
            # A relative path is not UTF-8 if the current folder is not.
            absolute = path.resolve()
            if not _is_utf_8(str(absolute)):
                raise ConfigurationError(
                    f"{option}: the name of the folder {os.fsencode(absolute)!r} is not UTF-8: give another"
                    " folder. No folder was made"
                )

    def limits(self) -> BatchLimits:
        """The limits.

        Raises:
            ConfigurationError: The price or the budget is no possible amount of money.
        """
        return BatchLimits(
            concurrency=self.concurrency,
            rpm=self.rpm,
            budget_usd=self.budget_usd,
            price_usd=self.price_usd,
        )


def same_command(*, with_another_budget: bool) -> str:
    """This command, as a shell takes it. With another budget, the amount is left to the person."""
    words = sys.argv[1:]
    if with_another_budget:
        words = [
            "AMOUNT" if before == "--budget" else re.sub(r"\A--budget=.*", "--budget=AMOUNT", word)
            for before, word in pairwise(["", *words])
        ]
    return shlex.join(["segmind-swap", *words])


def _is_utf_8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True

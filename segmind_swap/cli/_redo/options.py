"""The options of `segmind-swap redo`. Imported for `--help`, so it imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._batch.options import BatchOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class RedoOptions:
    """The arguments and options of one `segmind-swap redo`.

    Attributes:
        swaps: The swaps as they were named, each an id, or an id and a version as in `scene-012:2`.
        batch: The options that `batch` has, too. Its `pairs` is the folder of the batch.
        pay_again: Whether the user has agreed to pay.
    """

    swaps: Sequence[str]
    batch: BatchOptions
    pay_again: bool

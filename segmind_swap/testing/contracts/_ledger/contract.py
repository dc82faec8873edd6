"""`LedgerContract`: the rules for a `Ledger` whose entries outlive the batch."""

from __future__ import annotations

from .copies import CopiesContract
from .versions import VersionsContract


class LedgerContract(CopiesContract, VersionsContract):
    """The rules for a `Ledger` whose entries outlive the batch."""

"""The facts about a journal as a whole: its service, its price, and the numbers of its runs and rows."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import suppress
from datetime import date

from .._policy.budget import MICRO, micro_of

_SALT_BYTES = 16


class Facts:
    """The table `facts`, one text by name. Synchronous, inside the transactions of the store.

    A value that this package did not write raises `ValueError`, and a disk that fails raises `sqlite3.Error`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def get(self, name: str) -> str | None:
        """The journal's `origin` or `workflow`, or another fact about it; None before the first run."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set(self, name: str, value: str) -> None:
        """Stores a fact, in place of the earlier value."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def count(self, name: str) -> int:
        """A fact that is a number, such as `runs`; 0 before the first run."""
        return int(self.get(name) or 0)

    @property
    def price_usd(self) -> float | None:
        """The last assumed cost of a swap in USD; None before the first run."""
        price = self.get("price_usd")
        # Rounded as the budget rounds. The conversion also refuses a text that is no finite number.
        return None if price is None else micro_of(float(price)) / MICRO

    def set_price(self, price_usd: float) -> None:
        """Stores the assumed cost of a swap, in USD."""
        self.set("price_usd", repr(price_usd))

    @property
    def failed_runs_are_free(self) -> bool:
        """Whether failed runs cost nothing, as the last run of the batch was told. Every reader counts so."""
        return self.get("failed_runs_are_free") == "yes"

    def set_failed_runs_are_free(self, are_free: bool) -> None:
        """Stores whether failed runs cost nothing."""
        self.set("failed_runs_are_free", "yes" if are_free else "no")

    @property
    def learned_rate(self) -> str | None:
        """What `_policy.rate.learned` has written; None for nothing, or for no text at all."""
        # The other facts are about money, and a damaged one must be noticed. This one only saves time.
        with suppress(sqlite3.OperationalError):
            return self.get("learned_rate")
        return None

    def set_learned_rate(self, text: str) -> None:
        """Stores what `_policy.rate.learned` has written."""
        self.set("learned_rate", text)

    def spent_micro_usd(self, day: date) -> int:
        """The money of the POSTs of a UTC day, in micro-dollars, as the last writer has counted it."""
        known, _, micro_usd = (self.get("spent_on_day") or "").partition(" ")
        return int(micro_usd) if known == day.isoformat() else 0

    def set_spent(self, day: date, micro_usd: int) -> None:
        """Stores the money of the POSTs of a UTC day, in micro-dollars, in place of that of another day."""
        self.set("spent_on_day", f"{day.isoformat()} {micro_usd}")

    def key_salt(self) -> bytes:
        """The salt for the tags of API keys: random bytes, which the first caller makes and stores."""
        known = self.get("key_salt")
        if known is None:
            known = secrets.token_hex(_SALT_BYTES)
            self.set("key_salt", known)
        return bytes.fromhex(known)

"""The tests that any `Ledger`, `Orders`, `Marks` and `Gate` must pass, as classes to inherit from.

The test file of an implementation defines a subclass with a name `Test…`, and overrides the fixture that
makes the object. The protocols are in `segmind_swap._protocols`, and may change in any version. Needs the
extra ``segmind-swap[testing]``. Each test runs an event loop of its own.
"""

from ._gate import GateContract
from ._ledger.amendments import AmendmentContract
from ._ledger.contract import LedgerContract
from ._ledger.money import MoneyContract
from ._marks import MarksContract
from ._orders.contract import OrdersContract
from ._values import (
    ANSWER,
    ORIGIN,
    PRICE_USD,
    URLS,
    WORKFLOW,
    a_job,
    a_mark,
    a_swap,
    a_version,
    an_order,
    an_outcome,
)

__all__ = [
    "ANSWER",
    "ORIGIN",
    "PRICE_USD",
    "URLS",
    "WORKFLOW",
    "AmendmentContract",
    "GateContract",
    "LedgerContract",
    "MarksContract",
    "MoneyContract",
    "OrdersContract",
    "a_job",
    "a_mark",
    "a_swap",
    "a_version",
    "an_order",
    "an_outcome",
]

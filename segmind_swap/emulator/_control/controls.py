"""The controls: an account that a reset replaces, its clock, and the faults in force."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .._clock import Clock
from .._faults.fault import Fault
from .._faults.rules import FaultRules
from .._service.api import Api
from .._service.calls import CallLog
from .._service.ledger import Ledger
from .._service.outputs import Outputs
from .._service.rate_limit import RateLimit
from .traffic import TrafficLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything that a reset replaces. ``id`` is another one after each reset."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    api: Api
    ledger: Ledger
    rate_limit: RateLimit
    outputs: Outputs
    calls: CallLog
    traffic: TrafficLog


class Controls:
    """The operations on a running emulator, shared by `Emulator`, the routes and the page."""

    def __init__(self, open_account: Callable[[], Account], *, faults: Sequence[Fault], seed: int) -> None:
        self.clock = Clock()
        self.rules = FaultRules(faults, seed=seed)
        self.account = open_account()
        self._open_account = open_account

    def inject(self, fault: Fault) -> int:
        """Add a fault after the faults in force; returns its number."""
        return self.rules.add(fault, now=self.clock.now_or_none())

    def reset(self) -> None:
        """Restore the account, the clock and the faults of the start."""
        account = self._open_account()
        # The server keeps running, so that pictures are still drawn in its threads.
        account.outputs.limiter = self.account.outputs.limiter
        self.account = account
        self.rules.reset()
        self.clock.reset()

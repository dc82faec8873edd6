"""The gate of this package passes the tests that any gate must pass."""

from collections.abc import Callable

import pytest

from segmind_swap import RateLimit, RetryPolicy
from segmind_swap._http.gate import LocalGate
from segmind_swap._protocols.gate import Gate
from segmind_swap.testing.contracts import GateContract


class TestLocalGate(GateContract):
    @pytest.fixture
    def new_gate(self) -> Callable[[], Gate]:
        # Without jitter of its own, a closure lasts as long as the server asked.
        return lambda: LocalGate(RateLimit(), RetryPolicy())

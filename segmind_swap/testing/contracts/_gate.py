"""`GateContract`: the rules for every `Gate`."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest

from ..._models import Call
from ..._protocols.gate import Gate
from ._loops import OnEachLoop
from ._values import (
    SHORT,
)


class GateContract(OnEachLoop):
    """The rules for every `Gate`."""

    @pytest.fixture
    def new_gate(self) -> Callable[[], Gate]:
        """A function that makes an open gate on the calling event loop. To be overridden."""
        raise NotImplementedError("override the fixture `new_gate`")

    def test_an_open_gate_admits_at_once(self, new_gate: Callable[[], Gate], backend: str) -> None:
        async def test() -> None:
            gate = new_gate()
            for call in (Call.SUBMIT, Call.POLL, Call.UPLOAD, Call.CREDITS):
                assert gate.closed_for(call) == 0.0
                with anyio.fail_after(5):
                    admission = await gate.admit(call)
                assert admission.call is call
                gate.answered(admission)
                gate.release(admission)

        self.run(test, backend)

    @pytest.mark.parametrize("call", [Call.SUBMIT, Call.POLL])
    def test_a_429_closes_the_gate_for_calls_of_its_kind_as_long_as_the_server_asked(
        self, new_gate: Callable[[], Gate], backend: str, call: Call
    ) -> None:
        async def test() -> None:
            gate = new_gate()
            admission = await gate.admit(call)
            closed_for = gate.rate_limited(admission, 0.6)
            gate.release(admission)
            assert 0.5 < closed_for <= 5.0
            assert 0.0 < gate.closed_for(call) <= closed_for
            started = anyio.current_time()
            with anyio.fail_after(10):
                gate.release(await gate.admit(call))
            assert anyio.current_time() - started >= 0.5

        self.run(test, backend)

    def test_a_429_without_a_hint_closes_the_gate_for_half_a_second_at_least(
        self, new_gate: Callable[[], Gate], backend: str
    ) -> None:
        async def test() -> None:
            gate = new_gate()
            admission = await gate.admit(Call.SUBMIT)
            assert gate.rate_limited(admission, None) >= 0.45
            gate.release(admission)

        self.run(test, backend)

    def test_a_cancelled_wait_gives_the_turn_back(self, new_gate: Callable[[], Gate], backend: str) -> None:
        async def test() -> None:
            gate = new_gate()
            admission = await gate.admit(Call.SUBMIT)
            gate.rate_limited(admission, 0.6)
            gate.release(admission)
            with anyio.move_on_after(SHORT) as scope:
                await gate.admit(Call.SUBMIT)
            assert scope.cancelled_caught
            with anyio.fail_after(10):
                gate.release(await gate.admit(Call.SUBMIT))

        self.run(test, backend)

    def test_many_that_wait_are_all_admitted_and_not_all_at_once(
        self, new_gate: Callable[[], Gate], backend: str
    ) -> None:
        in_flight = most = 0

        async def test() -> None:
            gate = new_gate()
            admission = await gate.admit(Call.SUBMIT)
            gate.rate_limited(admission, 0.5)
            gate.release(admission)

            async def request() -> None:
                nonlocal in_flight, most
                admitted = await gate.admit(Call.SUBMIT)
                in_flight += 1
                most = max(most, in_flight)
                await anyio.sleep(0.01)
                in_flight -= 1
                gate.answered(admitted)
                gate.release(admitted)

            with anyio.fail_after(30):
                async with anyio.create_task_group() as group:
                    for _ in range(12):
                        group.start_soon(request)

        self.run(test, backend)
        assert most < 12, "a gate that was closed admits only a few requests at once"

"""A batch is stopped once: the first reason stays, and whoever is to hear of it hears of it once."""

import pytest

from segmind_swap import BudgetExceededError, JournalError
from segmind_swap._batch.stop_switch import Stopped, StopSwitch

FULL = BudgetExceededError("no room", budget_usd=1.0, committed_usd=1.0)


def test_the_first_reason_stays_and_is_announced_once() -> None:
    announced: list[bool] = []
    switch = StopSwitch(lambda: announced.append(switch.is_stopped))
    assert (switch.is_stopped, switch.reason) == (False, None)
    switch.stop(FULL)
    switch.stop(JournalError("too late", path="run.db"))
    switch.stop()
    assert (switch.is_stopped, switch.reason) == (True, FULL)
    assert announced == [True]


def test_a_check_passes_until_the_batch_is_stopped_for_any_reason_or_none() -> None:
    switch = StopSwitch(lambda: None)
    switch.check()
    switch.stop()
    assert switch.reason is None
    with pytest.raises(Stopped):
        switch.check()

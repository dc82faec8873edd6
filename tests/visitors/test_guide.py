"""The application of the FastAPI guide, in this process: what its answers say to programs."""

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from segmind_swap import (
    BudgetExceededError,
    ImageError,
    LimitExceededError,
    ServiceStoppedError,
    SwapError,
)

from .guide import write_application


@pytest.fixture
def guide(tmp_path: Path) -> Any:
    """The module `app` of the guide."""
    write_application(tmp_path)
    spec = importlib.util.spec_from_file_location("app_of_the_guide", tmp_path / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def _answer(guide: Any, error: SwapError) -> tuple[int, str | None]:
    answer = await guide.refusal(None, error)
    return answer.status_code, answer.headers.get("retry-after")


def _exceeded(resets_at: datetime | None) -> SwapError:
    return BudgetExceededError("none", budget_usd=1.0, committed_usd=1.0, resets_at=resets_at)


async def test_an_answer_503_says_when_new_swaps_are_taken_again_if_that_is_known(guide: Any) -> None:
    assert await _answer(guide, ServiceStoppedError("halted", seconds=41.2)) == (503, "42")
    assert await _answer(guide, ServiceStoppedError("halted", seconds=0.0)) == (503, "1")
    assert await _answer(guide, ServiceStoppedError("halted", seconds=None)) == (503, None)
    status, seconds = await _answer(guide, _exceeded(datetime.now(UTC) + timedelta(hours=1)))
    assert (status, 3590 < int(seconds or "") <= 3600) == (503, True)
    assert await _answer(guide, _exceeded(None)) == (503, None)
    assert await _answer(guide, ImageError("no picture", image="a.png")) == (422, None)
    assert (await _answer(guide, LimitExceededError("full", limit="max_queued", maximum=1)))[1] is None

"""Nothing grows without bound, and what is kept of a job is small."""

import gc
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from segmind_swap.emulator import Emulator
from segmind_swap.emulator._control import traffic
from segmind_swap.emulator._service import calls

from .calling import WORKFLOW

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "emulator.py"


async def call(emulator: Emulator, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
    """A call without any client, which would leave traces of its own."""
    headers = [
        (b"host", b"127.0.0.1"),
        (b"x-api-key", b"emulator-key"),
        (b"content-type", b"application/json"),
    ]
    scope = {"type": "http", "scheme": "http", "method": method, "path": path, "headers": headers}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    await emulator.app(scope, receive, send)
    assert sent[0]["status"] == 200
    return dict(json.loads(sent[1]["body"]))


def kept_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def test_a_job_leaves_less_than_a_kilobyte_behind_and_a_poll_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What is bounded is full from the beginning.
    monkeypatch.setattr(calls, "CALLS_KEPT", 10)
    monkeypatch.setattr(traffic, "EXCHANGES_KEPT", 10)
    emulator = Emulator(duration=0, engine="none", credits_usd=1e9)

    async def run(jobs: int, *, polls: int = 1) -> int:
        before = kept_bytes()
        for number in range(jobs):
            pictures = {
                "reference_character_image": f"https://pictures.example/people/{number}.png",
                "character_image": f"https://pictures.example/scenes/{number}.jpg",
            }
            accepted = await call(emulator, "POST", WORKFLOW, json.dumps(pictures).encode())
            path = urlsplit(accepted["poll_url"]).path
            for _ in range(polls):
                assert (await call(emulator, "GET", path))["status"] == "COMPLETED"
        return kept_bytes() - before

    tracemalloc.start()
    try:
        await run(50)
        many = await run(200)
        polled = await run(1, polls=300)
    finally:
        tracemalloc.stop()
    assert 100 < many / 200 < 1000
    assert polled < 5000
    assert len(emulator.ledger) == 251


@pytest.mark.real_time
def test_the_benchmark_runs() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--jobs", "50", "--warm-up", "10"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["submits", "polls", "memory"]

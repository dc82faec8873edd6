"""Segmind's own client, which nobody here wrote, at work on the emulator."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from segmind_swap.emulator import Emulator

from .calling import SWAP, WORKFLOW, picture

pytestmark = pytest.mark.real_time

# By name, because the package comes without types, and hides its modules behind objects of the same names.
segmind: Any = importlib.import_module("segmind")
files: Any = importlib.import_module("segmind.files")
generations: Any = importlib.import_module("segmind.generations")


@contextmanager
def official(emulator: Emulator, key: str = "emulator-key") -> Iterator[tuple[Any, str]]:
    """The client and the emulator's URL, over a real socket."""
    with emulator.serve() as url:
        client: Any = segmind.SegmindClient(api_key=key, base_url=f"{url}/v1")
        try:
            yield client, url
        finally:
            client._client.close()


def test_a_workflow_runs_from_upload_to_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [tmp_path / "hero.png", tmp_path / "street.jpg"]
    pictures[0].write_bytes(picture("red"))
    pictures[1].write_bytes(picture("blue", form="JPEG"))
    emulator = Emulator(duration=0.5)
    with official(emulator) as (client, url):
        # The one address that this client does not let its user choose.
        monkeypatch.setattr(files.Files, "STORAGE_BASE_URL", url)
        hero, street = client.files.upload(pictures)["file_urls"]
        result = client.pixelflows.run(
            workflow_url=url + WORKFLOW,
            data={"reference_character_image": hero, "character_image": street},
            poll_interval=1,
        )
        (output,) = result["output"]
        got = httpx.get(output["value"]["data"])
    assert result["status"] == "COMPLETED"
    assert (output["value"]["type"], got.content[:4]) == ("image", b"\x89PNG")
    (charge,) = emulator.ledger
    assert (charge.reference_character_image, charge.character_image) == (hero, street)
    assert charge.outcome == "COMPLETED"
    assert {call.schemes for call in emulator.calls if call.kind != "file"} == {("x-api-key",)}


def test_a_run_that_is_not_waited_for_can_be_polled_later() -> None:
    emulator = Emulator(duration=0.5)
    with official(emulator) as (client, url):
        queued = client.pixelflows.run(workflow_url=url + WORKFLOW, data=SWAP, poll=False)
        result = client.pixelflows.poll(poll_url=queued["poll_url"], poll_interval=1)
    assert queued["request_id"] == emulator.ledger[0].request_id
    assert (queued["status"], result["status"]) == ("QUEUED", "COMPLETED")


@pytest.mark.parametrize("status", [200, 422])
def test_a_failed_run_is_understood_under_either_status(status: Any) -> None:
    emulator = Emulator(duration=0.01, failed_status=status)
    with official(emulator) as (client, url):
        data = {**SWAP, "character_image": f"{url}/files/gone.png"}
        if status == 200:
            result = client.pixelflows.run(workflow_url=url + WORKFLOW, data=data, poll_interval=1)
            assert (result["status"], result["error"]) == ("FAILED", "Input image could not be downloaded")
        else:
            with pytest.raises(segmind.SegmindError) as caught:
                client.pixelflows.run(workflow_url=url + WORKFLOW, data=data, poll_interval=1)
            assert (caught.value.status, caught.value.detail) == (422, "Input image could not be downloaded")


@pytest.mark.parametrize(
    ("key", "credits_usd", "status", "detail"),
    [
        ("wrong", 100, 401, "Unauthorized. API key is invalid or may have expired."),
        ("emulator-key", 0, 406, "Insufficient credits. You have 0.00 credits, this request needs 0.15"),
    ],
)
def test_a_refusal_is_understood(key: str, credits_usd: float, status: int, detail: str) -> None:
    with (
        official(Emulator(credits_usd=credits_usd), key) as (client, url),
        pytest.raises(segmind.SegmindError) as caught,
    ):
        client.pixelflows.run(workflow_url=url + WORKFLOW, data=SWAP)
    assert (caught.value.status, caught.value.detail) == (status, detail)


def test_the_history_tells_what_was_sent_and_what_it_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    with official(Emulator(duration=0.01)) as (client, url):
        address = f"{url}/inference-request/request-history"
        monkeypatch.setattr(generations, "REQUEST_HISTORY_URL", address)
        done = client.pixelflows.run(workflow_url=url + WORKFLOW, data=SWAP, poll=False)
        (row,) = client.generations.history()["data"]
        again = client.generations.get(done["request_id"])
    assert row["request_id"] == again["request_id"] == done["request_id"]
    assert (row["request_body"], row["credits_deduction"]) == (SWAP, 0.1522)

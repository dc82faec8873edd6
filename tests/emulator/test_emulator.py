"""The account as Python sees it: its settings, its ledger, and the import without the extra."""

import subprocess
import sys
import threading
from typing import Any

import anyio
import pytest

from segmind_swap.emulator import Emulator

from .calling import connect, finished, output_url, picture, poll_url, submit, upload


@pytest.mark.parametrize(
    "settings",
    [
        {"duration": -1},
        {"duration": float("nan")},
        {"speed": 0},
        {"price_usd": -1},
        {"credits_usd": float("inf")},
        {"rate_limit": 0},
        {"auth": "basic"},
        {"api_key": ""},
        {"engine": "photograph"},
        {"record_lifetime": -1},
        {"workflows": "one"},
    ],
)
def test_a_setting_out_of_range_is_named(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Emulator(**settings)


async def test_speed_is_a_factor() -> None:
    async with connect(Emulator(duration=100, speed=50)) as client:
        url = await poll_url(client)
        await anyio.sleep(1.9)
        assert (await client.get(url)).json()["status"] == "PROCESSING"
        await anyio.sleep(0.1)
        assert (await client.get(url)).json()["status"] == "COMPLETED"


async def test_what_was_paid_twice_is_told_by_content_where_it_is_known() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        red, blue = await upload(client, picture("red"), picture("blue"))
        await submit(client, reference_character_image=red, character_image=blue)
        await submit(client, reference_character_image=blue, character_image=red)
        await submit(client, reference_character_image="https://a.example/1", character_image=red)
        assert emulator.paid_twice() == []
        again = red.replace("127.0.0.1", "localhost")
        await submit(client, reference_character_image=again, character_image=blue)
        await submit(client, reference_character_image="https://a.example/1", character_image=again)
    first, _, third, *_ = emulator.ledger
    assert emulator.paid_twice() == [first.identity, third.identity]
    assert third.identity == ("https://a.example/1", first.reference_sha256)


async def test_an_application_without_a_server_uses_no_threads() -> None:
    before = threading.active_count()
    async with connect(Emulator()) as client:
        (url,) = await upload(client, picture())
        body = await finished(client, reference_character_image=url, character_image=url)
        await client.get(output_url(body))
    assert threading.active_count() == before


@pytest.mark.parametrize("missing", ["PIL", "starlette", "uvicorn"])
def test_without_the_extra_the_import_says_what_to_install(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; import segmind_swap.emulator"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "install `segmind-swap[emulator]`" in result.stderr.splitlines()[-1]

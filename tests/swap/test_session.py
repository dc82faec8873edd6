"""A client's life: its settings, its start on one event loop, and its end."""

import asyncio
import gc
import pickle
import sys
import warnings
from typing import Any

import anyio
import pytest
import trio

from segmind_swap import ConfigurationError, SwapClient, SwapError

from ..support.scripted_service import (
    KEY,
    PICTURES,
    PNG,
    RESULT,
    SCENE,
    Scripted,
    Step,
    accepted,
    client,
    late,
)


async def test_a_copy_that_was_never_installed_names_itself_without_a_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Scripted()
    with monkeypatch.context() as nowhere:
        nowhere.setattr(sys, "path", [])
        swaps = client(service)
    async with swaps:
        await swaps.credits()
    assert service.seen[0].request.headers["user-agent"] == "segmind-swap/0"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"api_key": ""}, "SEGMIND_API_KEY"),
        ({"api_key": None}, "SEGMIND_API_KEY"),
        ({"api_key": "two words"}, "API key"),
        ({"api_key": "line\n"}, "API key"),
        ({"api_key": "schlüssel"}, "API key"),
        ({"base_url": "http://api.example"}, "allow_http"),
        ({"base_url": "ftp://api.example"}, "base_url"),
        ({"base_url": "api.segmind.com"}, "base_url"),
        ({"base_url": "https://user:secret@api.example"}, "base_url"),
        ({"base_url": "https://api.example/?a=b"}, "base_url"),
        ({"auth": "basic"}, "auth"),
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"max_in_flight": 2.5}, "max_in_flight"),
        ({"max_image_bytes": 0}, "max_image_bytes"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": "900"}, "timeout"),
        ({"workflow": "../v1/delete"}, "workflow"),
        ({"workflow": ""}, "workflow"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    settings: dict[str, Any], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEGMIND_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match=named) as caught:
        SwapClient(**{"api_key": KEY, **settings})
    assert "secret" not in str(caught.value)


async def test_key_and_address_come_from_the_environment_when_the_client_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEGMIND_API_KEY", "from-the-environment")
    monkeypatch.setenv("SEGMIND_BASE_URL", "https://proxy.example/segmind/")
    service = Scripted(submit=Step(body={"poll_url": "https://proxy.example/poll/1"}))
    swaps = SwapClient(transport=service)
    monkeypatch.setenv("SEGMIND_API_KEY", "changed-later")
    async with swaps:
        await swaps.swap(reference_character_image=PNG, character_image=SCENE)
        await swaps.credits()
    assert [str(seen.request.url) for seen in service.seen] == [
        "https://proxy.example/segmind/upload-asset",
        "https://proxy.example/segmind/workflows/678aa4026426baad7e5392fb-v7",
        "https://proxy.example/poll/1",
        "https://proxy.example/segmind/v1/get-user-credits",
    ]
    sent = {seen.request.headers.get("authorization") for seen in service.seen}
    assert "Bearer from-the-environment" in sent


async def test_only_a_changed_address_gets_the_key_and_no_longer_segminds_own() -> None:
    service = Scripted(submit=accepted())
    async with client(service, base_url="https://proxy.example") as swaps:
        with pytest.raises(SwapError, match="must not see the key"):
            await swaps.submit(**PICTURES)


async def test_a_client_works_without_a_with_block() -> None:
    service = Scripted()
    swaps = client(service)
    assert (await swaps.swap(**PICTURES)).url == RESULT
    await swaps.aclose()
    assert service.closed == 1
    await swaps.aclose()


async def test_a_closed_client_says_so() -> None:
    swaps = client(Scripted())
    await swaps.aclose()
    with pytest.raises(ConfigurationError, match="make a new one"):
        await swaps.credits()
    with pytest.raises(ConfigurationError):
        async with swaps:
            pass


async def test_a_client_may_be_entered_and_left_in_different_tasks() -> None:
    swaps = client(Scripted())
    entered, leave, left = anyio.Event(), anyio.Event(), anyio.Event()

    async def enter() -> None:
        await swaps.__aenter__()
        entered.set()

    async def exit_() -> None:
        await leave.wait()
        await swaps.__aexit__(None, None, None)
        left.set()

    async with anyio.create_task_group() as group:
        group.start_soon(enter)
        group.start_soon(exit_)
        await entered.wait()
        assert (await swaps.swap(**PICTURES)).url == RESULT
        leave.set()
        await left.wait()


def test_a_client_of_another_loop_is_refused_with_advice() -> None:
    swaps = client(Scripted())

    async def use() -> None:
        await swaps.credits()

    asyncio.run(use())
    with pytest.raises(ConfigurationError, match="one client for each loop"):
        asyncio.run(use())
    with pytest.raises(ConfigurationError, match="one client for each loop"):
        trio.run(use)
    swaps._session = None


def test_a_client_that_was_never_closed_warns() -> None:
    async def use() -> None:
        await client(Scripted()).credits()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(use())
        gc.collect()
    assert any("never closed" in str(warning.message) for warning in caught)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client(Scripted())
        gc.collect()
    assert caught == [], "a client that was never used holds nothing"


def test_a_transport_and_a_proxy_together_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        SwapClient(KEY, transport=Scripted(), proxy="http://proxy.example:3128")


@pytest.mark.parametrize(
    ("settings", "environment"),
    [
        ({"proxy": "not a url"}, {}),
        ({"proxy": "gopher://user:s3cret@proxy.example"}, {}),
        ({}, {"HTTPS_PROXY": "gopher://user:s3cret@proxy.example"}),
        ({}, {"SSL_CERT_FILE": "/nowhere/ca.pem"}),
    ],
)
async def test_connections_that_cannot_be_set_up_are_a_configuration_error(
    settings: dict[str, Any], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="cannot be set up") as caught:
        await SwapClient(KEY, **settings).credits()
    assert "s3cret" not in repr(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


async def test_a_client_whose_end_is_cut_short_closes_its_connections_all_the_same(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("trio has no plain task cancellation")
    service = Scripted(submit=late(accepted(), 60))

    async def work() -> None:
        async with client(service) as swaps:
            await swaps.swap(**PICTURES)

    task = asyncio.create_task(work())
    for _ in range(2):
        await asyncio.sleep(1)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert service.closed == 1


def test_a_client_cannot_be_pickled_with_its_key_inside() -> None:
    with pytest.raises(TypeError, match="holds the key"):
        pickle.dumps(SwapClient("sk-secret"))

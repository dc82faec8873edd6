"""The ways onto the wire: how many requests each takes, over which transport, and that each is closed."""

import re
import ssl
import sys
from contextlib import aclosing
from typing import Any

import anyio
import httpcore
import httpx
import pytest

from segmind_swap import ConfigurationError
from segmind_swap._http.pools import SUBMITS, UPLOADS, Pool, Pools, PoolSettings, PoolSize
from segmind_swap._models import Call

from ..support.sessions import Wire


async def _answered(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200)


def settings_of(**settings: Any) -> PoolSettings:
    # Nothing here speaks TLS, and a context takes tens of milliseconds to make.
    return PoolSettings(**{"is_local": True, "proxy": None, "verify": False, "transport": None, **settings})


def test_the_requests_of_all_transports_count_together() -> None:
    assert PoolSize(transports=3, requests_each=4, connections_each=5).requests == 12


async def test_a_way_takes_as_many_requests_as_it_has_places_and_the_next_waits() -> None:
    way = Pool([_answered], PoolSize(1, 2, 3))
    places = [await way.acquire(), await way.acquire()]
    assert way.free == 0
    with anyio.move_on_after(1) as scope:
        await way.acquire()
    assert scope.cancelled_caught
    way.release(places.pop())
    assert await way.acquire() is _answered


async def test_a_place_that_is_given_back_goes_to_the_request_that_waits() -> None:
    way = Pool([_answered], PoolSize(1, 1, 2))
    entered: list[float] = []

    async def call() -> None:
        place = await way.acquire()
        entered.append(anyio.current_time() - started)
        await anyio.sleep(2)
        way.release(place)

    started = anyio.current_time()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(call)
    assert entered == pytest.approx([0, 2, 4], abs=0.1)
    assert way.free == 1


async def test_a_request_that_is_cancelled_while_it_waits_takes_no_place() -> None:
    way = Pool([_answered], PoolSize(1, 1, 2))
    place = await way.acquire()
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(way.acquire)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    way.release(place)
    assert way.free == 1
    with anyio.fail_after(1):
        await way.acquire()


async def test_the_transport_that_was_used_last_is_used_first() -> None:
    async def other(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    way = Pool([_answered, other], PoolSize(2, 1, 2))
    first = await way.acquire()
    second = await way.acquire()
    assert {first, second} == {_answered, other}
    way.release(second)
    way.release(first)
    assert await way.acquire() is first


async def test_every_transport_has_no_more_requests_than_its_bounds_say() -> None:
    async def other(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    way = Pool([_answered, other], PoolSize(2, 3, 4))
    taken = [await way.acquire() for _ in range(6)]
    assert (taken.count(_answered), taken.count(other)) == (3, 3)


async def test_uploads_and_credits_share_their_places_and_the_other_calls_have_their_own() -> None:
    async with aclosing(Pools(settings_of())) as clients:
        ways = {call: clients.pool(call) for call in Call}
    assert ways[Call.UPLOAD] is ways[Call.CREDITS]
    assert len({id(way) for way in ways.values()}) == 4
    assert ways[Call.SUBMIT].free == SUBMITS.requests
    assert ways[Call.UPLOAD].free == UPLOADS.requests


async def test_a_transport_that_was_handed_in_takes_every_call_and_is_closed_at_the_end() -> None:
    transport = Wire(_answered)
    clients = Pools(settings_of(transport=transport))
    for call in Call:
        assert await clients.pool(call).acquire() == transport.handle_async_request
    assert not transport.closed
    await clients.aclose()
    assert transport.closed


async def test_each_transport_that_was_opened_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[httpx.AsyncHTTPTransport] = []
    close = httpx.AsyncHTTPTransport.aclose

    async def counted(self: httpx.AsyncHTTPTransport) -> None:
        closed.append(self)
        await close(self)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "aclose", counted)
    clients = Pools(settings_of())
    await clients.aclose()
    opened = {id(transport) for transport in clients._transports}
    assert {id(transport) for transport in closed} == opened
    assert len(closed) == len(opened) > SUBMITS.transports


async def test_a_tls_context_is_made_once_and_only_where_a_connection_is_the_clients_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[ssl.SSLContext] = []
    make = httpx.create_ssl_context

    def counted(*args: Any, **more: Any) -> ssl.SSLContext:
        made.append(make(*args, **more))
        return made[-1]

    monkeypatch.setattr("segmind_swap._http.pools.httpx.create_ssl_context", counted)
    await Pools(settings_of(verify=True, transport=Wire(_answered))).aclose()
    assert made == []
    await Pools(settings_of(verify=True)).aclose()
    assert len([context for context in made if context.verify_mode is ssl.CERT_REQUIRED]) == len(made) == 1


@pytest.mark.parametrize(
    "proxy", ["nonsense", "gopher://user:secret@proxy.example", "http://user:secret@[::1"]
)
async def test_a_proxy_that_cannot_be_used_is_an_error_without_its_password(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="check `proxy`") as caught:
        Pools(settings_of(proxy=proxy))
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_the_settings_do_not_show_a_proxys_password() -> None:
    assert "secret" not in repr(settings_of(proxy="http://user:secret@proxy.example"))


async def test_the_proxies_of_the_environment_are_for_other_machines_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://192.0.2.1:9")
    for is_local, is_proxied in ((True, False), (False, True)):
        async with aclosing(Pools(settings_of(is_local=is_local))) as clients:
            opened = [one for one in clients._transports if isinstance(one, httpx.AsyncHTTPTransport)]
            pools = {type(transport._pool) for transport in opened}
        assert (pools == {httpcore.AsyncHTTPProxy}) is is_proxied


@pytest.mark.parametrize("entry", ["[::1]", "fd00::/8", "10.0.0.0/8", "[", "://"])
async def test_no_entry_of_no_proxy_refuses_a_client(entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://192.0.2.1:9")
    monkeypatch.setenv("no_proxy", f"localhost,{entry}")
    await Pools(settings_of(is_local=False)).aclose()


async def test_a_proxy_that_no_request_uses_refuses_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://192.0.2.1:9")
    monkeypatch.setenv("all_proxy", "socks://192.0.2.1:9")
    await Pools(settings_of(is_local=False)).aclose()


@pytest.mark.parametrize("proxy", ["socks://192.0.2.1:9", "socks5://user:secret@192.0.2.1:9"])
async def test_a_socks_proxy_that_cannot_be_used_says_what_to_install(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("all_proxy", proxy)
    with pytest.raises(ConfigurationError, match=re.escape("pip install 'httpx[socks]'")) as caught:
        Pools(settings_of(is_local=False))
    assert "NO_PROXY" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.real_time
async def test_certificates_that_cannot_be_read_matter_only_to_requests_with_tls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such")
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        Pools(settings_of(verify=True))
    async with aclosing(Pools(settings_of(verify=True, base_url="http://127.0.0.1:9"))) as pools:
        send = await pools.pool(Call.DOWNLOAD).acquire()
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
            await send(httpx.Request("GET", "https://127.0.0.1:9/a.png"))
        with pytest.raises(httpx.ConnectError):
            await send(httpx.Request("GET", "http://127.0.0.1:9/a.png", extensions={"timeout": {}}))

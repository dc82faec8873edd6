"""The review over a real socket: the page, each decision at once, and what nobody else can reach."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import ConfigurationError, Journal, Review, Verdict
from segmind_swap._review.serving import server

from ...support.journal_rows import at
from ...support.reviews import a_batch, a_new_version, picture, saved, sha256

pytestmark = pytest.mark.real_time


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        Review(folder / "journal.db").serve() as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        yield client


def data_of(page: httpx.Response) -> Any:
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page.text, re.DOTALL)
    return json.loads(data)


async def changes(client: httpx.AsyncClient, since: int) -> Any:
    """The first changes after a sequence, as the page asks for them."""
    with anyio.fail_after(30):
        while True:
            news = (await client.get(f"changes?since={since}")).json()
            if news["items"]:
                return news
            await anyio.sleep(0.05)


def said(folder: Path, id: str, decision: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "version": 1,
        "sha256": sha256((folder / f"{id}.png").read_bytes()),
        "decision": decision,
        **more,
    }


async def test_the_page_and_its_pictures_are_served_with_policies(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    async with served(folder) as client:
        page = await client.get("")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        data = data_of(page)
        assert data["served"] is True
        for item in data["items"]:
            shown = await client.get(item["picture"])
            assert shown.content == (folder / f"{item['id']}.png").read_bytes()
            assert shown.headers["content-type"] == "image/png"
            assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
            assert (await client.get(item["thumbnail"])).headers["content-type"] == "image/webp"
            assert (await client.get(item["scene"])).status_code == 200
        assert (await client.get(data["references"][0])).content == (tmp_path / "hero.png").read_bytes()
        head = await client.head("")
        assert head.status_code == 200
        assert head.content == b""


async def test_each_decision_is_durable_when_it_is_answered(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    async with served(folder) as client:
        body = [said(folder, "a", "redo", reasons=["anatomy"], note="hand"), said(folder, "b", "discard")]
        answer = await client.post("marks", json=body)
        assert answer.json() == {"stored": 2, "refused": []}
        marks = {mark.id: mark for mark in await Journal(folder / "journal.db").marks.read()}
        assert (marks["a"].decision, marks["a"].note) == (Verdict.REDO, "hand")
        assert (folder / "discarded" / "b.1.png").is_file()
        # The address of the picture stays: the page need not know where the file is.
        items = data_of(await client.get(""))["items"]
        assert (await client.get(items[1]["picture"])).status_code == 200


async def test_a_decision_about_an_old_picture_is_refused_and_the_others_are_stored(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    async with served(folder) as client:
        old = {**said(folder, "a", "discard"), "sha256": "0" * 64}
        answer = (await client.post("marks", json=[old, said(folder, "b", "keep")])).json()
        assert answer["stored"] == 1
        assert answer["refused"] == ["a has another picture now: look at it again"]
        assert (folder / "a.png").is_file()


async def test_a_page_that_is_older_than_a_redo_discards_no_new_version(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a", "b"])
    async with served(folder) as client:
        seen = [said(folder, "a", "discard"), said(folder, "b", "keep")]
        a_new_version(folder, "a", picture(7))
        answer = (await client.post("marks", json=seen)).json()
        assert answer == {"stored": 1, "refused": ["a has another picture now: look at it again"]}
        assert (folder / "a.png").read_bytes() == picture(7)


@pytest.mark.parametrize(
    "body", ["{}", "[1]", "not json", '[{"id": "a"}]', '[{"id":"a","sha256":"x","decision":"keep"}]']
)
async def test_what_is_no_decision_is_refused(tmp_path: Path, body: str) -> None:
    folder = a_batch(tmp_path, ["a"])
    async with served(folder) as client:
        answer = await client.post("marks", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422
    assert await Journal(folder / "journal.db").marks.read() == []


async def test_a_decision_that_cannot_be_stored_is_not_answered_as_stored(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    async with served(folder) as client:
        (folder / "journal.db.marks").write_bytes(b"damaged, and long enough to be no database" * 50)
        answer = await client.post("marks", json=[said(folder, "a", "keep")])
        assert answer.status_code == 503
        assert "file of decisions" in answer.text


async def test_new_pictures_of_a_running_batch_appear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_REFRESH", 0.05)
    folder = a_batch(tmp_path, ["a"])
    store = at(folder / "journal.db")
    try:
        async with served(folder) as client:
            sequence = data_of(await client.get(""))["sequence"]
            (folder / "b.png").write_bytes(picture(2))
            saved(store, folder, "b", 2)
            news = await changes(client, sequence)
            assert [item["id"] for item in news["items"]] == ["b"]
            # The journal's lock is the batch's, and decisions do not need it.
            assert (await client.post("marks", json=[said(folder, "b", "keep")])).status_code == 200
    finally:
        store.close()


async def test_what_other_people_decide_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_REFRESH", 0.05)
    folder = a_batch(tmp_path, ["a"])
    async with served(folder) as client:
        sequence = data_of(await client.get(""))["sequence"]
        await Review(folder / "journal.db").decide("a", Verdict.DISCARD)
        news = await changes(client, sequence)
        assert news["items"][0]["mark"]["decision"] == "discard"
        assert (await client.get(news["items"][0]["picture"])).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "../../../etc/passwd",
        "picture/../../journal.db",
        "picture/..%2f..%2fjournal.db",
        "journal.db",
        "picture/9",
        "picture/-1",
        "picture/0x0",
        "picture/\u0661",
        "earlier/0/1",
        "reference/1",
        "scene/7",
        "picture/0/0",
        "other/0",
    ],
)
async def test_no_path_reaches_another_file(tmp_path: Path, path: str) -> None:
    folder = a_batch(tmp_path, ["a"])
    async with Review(folder / "journal.db").serve() as url:
        host = url.split("/")[2]
        async with await anyio.connect_tcp("127.0.0.1", int(host.partition(":")[2])) as stream:
            target = url.partition(host)[2] + path
            # A client library would tidy the path.
            await stream.send(f"GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
            with anyio.fail_after(20):
                answer = await stream.receive()
    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))


async def test_without_the_token_or_from_another_site_nothing_is_answered(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    async with served(folder) as client:
        root = str(client.base_url).rsplit("/", 2)[0]
        assert (await client.get(f"{root}/")).status_code == 404
        assert (await client.get(f"{root}/guess/marks")).status_code == 404
        assert (await client.get("", headers={"host": "evil.example"})).status_code == 421
        body = json.dumps([said(folder, "a", "discard")])
        for headers in (
            {"content-type": "application/json", "origin": "http://evil.example"},
            {"content-type": "application/json", "sec-fetch-site": "cross-site"},
            {"content-type": "text/plain"},
        ):
            assert (await client.post("marks", content=body, headers=headers)).status_code in {403, 405}
    assert (folder / "a.png").is_file()


async def test_the_server_listens_on_this_machine_alone_and_ends_with_the_block(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    async with Review(folder / "journal.db").serve() as url:
        assert url.startswith("http://127.0.0.1:")
        port = int(url.split("/")[2].partition(":")[2])
        with pytest.raises(ConfigurationError, match=f"the port {port} cannot be used"):
            async with Review(folder / "journal.db").serve(port=port):
                pass
    with pytest.raises(OSError, match=r".*"):
        await anyio.connect_tcp("127.0.0.1", port)


async def test_an_error_of_the_block_comes_out_as_it_is(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    with pytest.raises(RuntimeError, match="mine"):
        async with Review(folder / "journal.db").serve():
            raise RuntimeError("mine")

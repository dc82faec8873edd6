"""The addresses of the server, without a socket."""

from pathlib import Path

import pytest

from segmind_swap import Review, Thresholds
from segmind_swap._review.page.data import BatchFacts
from segmind_swap._review.serving.messages import Request
from segmind_swap._review.serving.site import Site

from ...support.reviews import a_batch, a_new_version, picture


async def site_of(folder: Path) -> Site:
    review = Review(folder / "journal.db")
    await review.pictures()
    assert review._desk is not None

    async def facts() -> BatchFacts:
        return BatchFacts(journal_id="j", title="out", folder="out", price_usd=0.15, spent_usd=0.3)

    return Site(review._desk, facts, Thresholds())


def get(target: str, method: str = "GET") -> Request:
    return Request(method=method, target=target, headers={})


async def test_an_earlier_version_is_served_by_its_number(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    a_new_version(folder, "a", picture(7))
    site = await site_of(folder)
    await site.handle(get("/t/"))
    assert (await site.handle(get("/t/earlier/0/1"))).body == folder / "versions" / "a.1.png"
    for missing in ("/t/earlier/0/2", "/t/earlier/0/x", "/t/earlier/1/1"):
        assert (await site.handle(get(missing))).status == 404


async def test_an_address_without_its_last_slash_leads_to_the_page(tmp_path: Path) -> None:
    site = await site_of(a_batch(tmp_path, ["a"]))
    answer = await site.handle(get("/t"))
    assert (answer.status, answer.headers["location"]) == (308, "/t/")


async def test_a_file_that_is_no_picture_is_not_sent_as_one(tmp_path: Path) -> None:
    folder = a_batch(tmp_path, ["a"])
    site = await site_of(folder)
    await site.handle(get("/t/"))
    scene = tmp_path / "scenes" / "a.png"
    assert (await site.handle(get("/t/scene/0"))).media_type == "image/png"
    scene.unlink()
    assert (await site.handle(get("/t/scene/0"))).status == 404


@pytest.mark.parametrize("target", ["/t/changes?since=x", "/t/changes?since=-1", "/t/changes?since=%D9%A1"])
async def test_changes_need_a_number(tmp_path: Path, target: str) -> None:
    site = await site_of(a_batch(tmp_path, ["a"]))
    assert (await site.handle(get(target))).status == 400


async def test_reading_addresses_take_no_post(tmp_path: Path) -> None:
    site = await site_of(a_batch(tmp_path, ["a"]))
    for target in ("/t/", "/t/changes?since=0", "/t/picture/0"):
        assert (await site.handle(get(target, "POST"))).status == 404

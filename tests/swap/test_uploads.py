"""Local pictures get a URL: once for each content, whoever asks and whoever goes away."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import httpx
import pytest

from segmind_swap._errors import BadRequestError, ImageError, ResponseError, SwapError
from segmind_swap._events import Event, Exchanged, Uploaded
from segmind_swap._models import ImageInput
from segmind_swap._swap.uploads import Uploads

from ..support.sessions import Wire, jpeg, png, session_of

Hook = Callable[[bytes], Awaitable[None]]


class Store:
    """The upload service: keeps what it is given, and gives it a URL."""

    def __init__(self, *, takes: float = 0.0, hook: Hook | None = None) -> None:
        self.pictures: list[bytes] = []
        self.in_flight = 0
        self.highest = 0
        self.refuse_next = 0
        self._takes = takes
        self._hook = hook

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        (data_url,) = json.loads(await request.aread())["data_urls"]
        picture = base64.b64decode(data_url.partition(",")[2])
        self.pictures.append(picture)
        self.in_flight += 1
        self.highest = max(self.highest, self.in_flight)
        number = len(self.pictures)
        try:
            if self._hook is not None:
                await self._hook(picture)
            await anyio.sleep(self._takes)
        finally:
            self.in_flight -= 1
        if self.refuse_next:
            self.refuse_next -= 1
            return httpx.Response(400, json={"error": "no"})
        return httpx.Response(200, json={"file_urls": [f"https://files.example/{number}.png"]})


async def urls_of(uploads: Uploads, *images: ImageInput) -> list[str]:
    async with uploads.loaded(*images) as loaded:
        return [await uploads.url_of(image, swap=None) for image in loaded]


def uploads_to(store: Store, *, events: list[Event] | None = None) -> Uploads:
    return Uploads(session_of(Wire(store), on_event=None if events is None else events.append))


async def test_a_picture_is_sent_as_it_is_to_the_upload_host() -> None:
    requests: list[httpx.Request] = []

    async def keep(request: httpx.Request) -> httpx.Response:
        await request.aread()
        requests.append(request)
        return httpx.Response(200, json={"urls": ["https://files.example/1.jpg"]})

    uploads = Uploads(session_of(Wire(keep)))
    assert await urls_of(uploads, jpeg()) == ["https://files.example/1.jpg"]
    (request,) = requests
    assert str(request.url) == "https://workflows-api.segmind.com/upload-asset"
    (data_url,) = json.loads(request.content)["data_urls"]
    assert data_url == "data:image/jpeg;base64," + base64.b64encode(jpeg()).decode()


async def test_a_url_passes_through_without_any_call() -> None:
    store = Store()
    urls = ["https://pictures.example/a.png?x=1", "http://pictures.example/b.jpg"]
    assert await urls_of(uploads_to(store), *urls) == urls
    assert store.pictures == []


async def test_a_file_whose_long_path_looks_like_a_url_in_its_middle_is_a_file(tmp_path: Path) -> None:
    folder = tmp_path / f"{'x' * 40}:"
    folder.mkdir()
    (folder / "a.png").write_bytes(png())
    store = Store()
    await urls_of(uploads_to(store), f"{folder}//a.png")
    assert store.pictures == [png()]


async def test_urls_come_in_the_order_of_the_pictures() -> None:
    async def the_first_takes_longest(picture: bytes) -> None:
        await anyio.sleep(0.1 if picture == png(0) else 0)

    store = Store(hook=the_first_takes_longest)
    urls = await urls_of(uploads_to(store), png(0), "https://pictures.example/a.png", png(1), png(0))
    by_picture = {
        picture: f"https://files.example/{n}.png" for n, picture in enumerate(store.pictures, start=1)
    }
    assert urls == [
        by_picture[png(0)],
        "https://pictures.example/a.png",
        by_picture[png(1)],
        by_picture[png(0)],
    ]


async def test_an_upload_is_told_with_its_size() -> None:
    events: list[Event] = []
    await urls_of(uploads_to(Store(), events=events), png())
    assert [e for e in events if not isinstance(e, Exchanged)] == [
        Uploaded(swap=None, url="https://files.example/1.png", size_bytes=len(png()))
    ]


# Once for each content


async def test_fifty_tasks_with_the_same_content_upload_it_once(tmp_path: Path) -> None:
    path = tmp_path / "hero.png"
    path.write_bytes(png())
    store = Store(takes=0.05)
    uploads = uploads_to(store)
    urls: list[str] = []

    async def ask(index: int) -> None:
        urls.extend(await urls_of(uploads, path if index % 2 else png()))

    async with anyio.create_task_group() as group:
        for index in range(50):
            group.start_soon(ask, index)
    assert urls == ["https://files.example/1.png"] * 50
    assert store.pictures == [png()]


async def test_both_pictures_of_a_swap_with_the_same_content_are_uploaded_once() -> None:
    store = Store(takes=0.02)
    assert len(set(await urls_of(uploads_to(store), png(), png()))) == 1
    assert len(store.pictures) == 1


async def test_when_the_task_that_uploads_is_cancelled_one_that_waits_takes_over() -> None:
    stuck = anyio.Event()

    async def first_one_hangs(picture: bytes) -> None:
        if len(store.pictures) == 1:
            stuck.set()
            await anyio.sleep_forever()

    store = Store(hook=first_one_hangs)
    uploads = uploads_to(store)
    urls: list[str] = []

    async def ask() -> None:
        urls.extend(await urls_of(uploads, png()))

    async with anyio.create_task_group() as group, anyio.create_task_group() as leader:
        leader.start_soon(ask)
        await stuck.wait()
        for _ in range(3):
            group.start_soon(ask)
        await anyio.sleep(0.05)
        assert urls == []
        leader.cancel_scope.cancel()
    assert urls == ["https://files.example/2.png"] * 3
    assert len(store.pictures) == 2
    assert not uploads._uploading


async def test_when_the_task_that_uploads_fails_one_that_waits_tries_for_itself() -> None:
    store = Store(takes=0.05)
    store.refuse_next = 1
    uploads = uploads_to(store)
    urls: list[str] = []
    errors: list[SwapError] = []

    async def ask() -> None:
        try:
            urls.extend(await urls_of(uploads, png()))
        except SwapError as exc:
            errors.append(exc)

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)
    assert [type(error) for error in errors] == [BadRequestError]
    assert urls == ["https://files.example/2.png"] * 4
    assert len(store.pictures) == 2
    assert not uploads._uploading


async def test_at_most_four_uploads_are_under_way_at_a_time() -> None:
    store = Store(takes=0.02)
    uploads = uploads_to(store)
    async with anyio.create_task_group() as group:
        for number in range(12):
            group.start_soon(urls_of, uploads, png(number))
    assert len(store.pictures) == 12
    assert store.highest == 4


# What is remembered


async def test_a_content_is_remembered_for_an_hour_and_no_longer() -> None:
    store = Store()
    uploads = uploads_to(store)
    first = await urls_of(uploads, png())
    await anyio.sleep(3590)
    assert await urls_of(uploads, png()) == first
    assert len(store.pictures) == 1
    await anyio.sleep(20)
    assert await urls_of(uploads, png()) == ["https://files.example/2.png"]
    assert len(store.pictures) == 2


async def test_only_so_many_contents_are_remembered_and_those_last_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("segmind_swap._swap.uploads._URLS_REMEMBERED", 3)
    store = Store()
    uploads = uploads_to(store)
    for seed in (0, 1, 2, 0, 3):
        await urls_of(uploads, png(seed))
    assert len(store.pictures) == 4
    await urls_of(uploads, png(0))
    await urls_of(uploads, png(2))
    assert len(store.pictures) == 4, "both are known still"
    await urls_of(uploads, png(1))
    assert len(store.pictures) == 5, "the one that was used longest ago is not"
    assert len(uploads._urls) == 3


async def test_a_failed_upload_is_not_remembered() -> None:
    store = Store()
    store.refuse_next = 1
    uploads = uploads_to(store)
    with pytest.raises(BadRequestError):
        await urls_of(uploads, png())
    assert await urls_of(uploads, png()) == ["https://files.example/2.png"]


# What goes wrong


@pytest.mark.parametrize("bad", [b"", b"no picture", Path("missing.png"), "missing.png", "ftp://x/a.png"])
async def test_all_pictures_are_checked_before_the_first_is_uploaded(bad: bytes | Path | str) -> None:
    store = Store()
    with pytest.raises(ImageError):
        await urls_of(uploads_to(store), png(), bad)
    assert store.pictures == []


async def test_after_an_error_the_other_picture_is_not_uploaded_any_more() -> None:
    store = Store()
    store.refuse_next = 1
    with pytest.raises(BadRequestError) as caught:
        await urls_of(uploads_to(store), png(0), png(1))
    assert caught.value.status_code == 400
    assert store.refuse_next == 0
    assert len(store.pictures) <= 1


def one_that_hangs() -> tuple[Store, anyio.Event]:
    """A store that never answers, and the event of an upload being under way."""
    begun = anyio.Event()

    async def hang(picture: bytes) -> None:
        begun.set()
        await anyio.sleep_forever()

    store = Store(hook=hang)
    return store, begun


async def test_cancelling_stops_every_upload() -> None:
    store, begun = one_that_hangs()
    uploads = uploads_to(store)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def ask() -> None:
                await urls_of(uploads, png(0), png(1))

            group.start_soon(ask)
            await begun.wait()
            scope.cancel()
    assert store.in_flight == 0
    assert not uploads._uploading


async def test_plain_task_cancellation_is_raised_without_a_group(loop: str) -> None:
    if loop != "asyncio":
        pytest.skip("trio has no plain task cancellation")
    store, begun = one_that_hangs()
    uploads = uploads_to(store)
    task = asyncio.create_task(urls_of(uploads, png(0), png(1)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.in_flight == 0
    assert not uploads._uploading


@pytest.mark.parametrize("url", ["http://files.example/1.png", "ftp://files.example/1.png", "1.png", ""])
async def test_an_answer_with_a_url_that_the_service_cannot_trust_is_refused(url: str) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"file_urls": [url]})

    with pytest.raises(ResponseError):
        await urls_of(Uploads(session_of(Wire(answer))), png())


async def test_a_service_on_this_machine_may_answer_with_an_http_url() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://127.0.0.1:8000/upload-asset"
        return httpx.Response(200, json={"file_urls": ["http://127.0.0.1:8000/files/1.png"]})

    uploads = Uploads(session_of(Wire(answer), base_url="http://127.0.0.1:8000"))
    assert await urls_of(uploads, png()) == ["http://127.0.0.1:8000/files/1.png"]

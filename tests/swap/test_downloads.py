"""Finished pictures: fetched without the key, and only from where that is safe."""

from datetime import UTC, datetime, timedelta

import anyio
import httpx
import pytest

from segmind_swap._errors import ConfigurationError, DownloadError
from segmind_swap._events import Event, RetryScheduled
from segmind_swap._models import SwapResult
from segmind_swap._swap.downloads import read

from ..support.hosts import JOB, Host, Reply, result_at, session_with
from ..support.sessions import KEY, PICTURE_URL, Chunks, Wire, jpeg, png, session_of, webp


async def test_a_picture_is_read_with_its_type() -> None:
    for data, media_type in ((png(), "image/png"), (jpeg(), "image/jpeg"), (webp(), "image/webp")):
        picture = await read(session_with(Host(data)), result_at(), swap=1)
        assert (picture.data, picture.file_type.media_type, picture.warning) == (data, media_type, "")


PAGE, GIF = b"<html>gone</html>", b"GIF89a\1\0\1\0"
TWELVE_BITS = jpeg().replace(b"\xff\xc0\x00\x08\x08", b"\xff\xc1\x00\x08\x0c")
AVIF = b"\0\0\0\x1cftypavif\0\0\0\0mif1avif" + bytes(40)


@pytest.mark.parametrize(
    ("body", "suffix", "media_type", "downloads"),
    [
        (TWELVE_BITS, ".jpg", "image/jpeg", 2),
        (jpeg()[:-2], ".jpg", "image/jpeg", 2),
        (png()[:-20], ".png", "image/png", 2),
        (webp()[:-3], ".webp", "image/webp", 2),
        (b"\xff\xd8\n\n" + jpeg()[2:], ".jpg", "image/jpeg", 2),
        (AVIF, ".avif", "image/avif", 2),
        (GIF, ".gif", "image/gif", 2),
        (b"\0\0\0\x18ftypisom" + bytes(12), ".mp4", "video/mp4", 2),
        (PAGE, ".htm", "text/html", 5),
        (b'{"error": "expired"}', ".json", "application/json", 5),
        (bytes(range(250, 256)), ".bin", "application/octet-stream", 5),
    ],
)
async def test_a_result_that_stays_the_same_is_never_refused(
    body: bytes, suffix: str, media_type: str, downloads: int, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host(body)
    events: list[Event] = []
    found = await read(session_with(host, on_event=events.append), result_at(), swap=7)
    assert (found.data, found.file_type.suffix, found.file_type.media_type) == (body, suffix, media_type)
    assert len(host.requests) == downloads
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("segmind_swap.notice", "WARNING")
    assert f"{downloads} downloads in a row gave the same {len(body)} bytes" in record.getMessage()
    assert "save it" not in record.getMessage(), "advice for inputs does not help here"
    retries = [event for event in events if isinstance(event, RetryScheduled)]
    assert [(event.swap, event.call, event.attempt) for event in retries] == [
        (7, "download", number) for number in range(1, downloads)
    ]


@pytest.mark.parametrize("odd", [jpeg()[:-2], PAGE, b"", GIF, b"\0\0"])
async def test_a_whole_picture_is_taken_as_soon_as_it_comes(
    odd: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host(odd, png())
    started = anyio.current_time()
    found = await read(session_with(host), result_at(), swap=1)
    assert (found.data, found.warning, len(host.requests)) == (png(), "", 2)
    assert anyio.current_time() - started >= 0.5
    assert caplog.records == []


async def test_a_page_that_is_sent_for_some_seconds_is_not_taken_for_the_result() -> None:
    host = Host(PAGE, PAGE, PAGE, png())
    assert (await read(session_with(host), result_at(), swap=1)).data == png()


async def test_a_picture_that_was_cut_twice_in_different_places_is_fetched_until_it_stays_the_same() -> None:
    host = Host(jpeg()[:-2], jpeg()[:-3], jpeg()[:-4], jpeg()[:-4])
    assert (await read(session_with(host), result_at(), swap=1)).data == jpeg()[:-4]
    assert len(host.requests) == 4


@pytest.mark.parametrize(
    "bodies", [[b""], [PAGE + bytes([n]) for n in range(48, 54)], [PAGE, b"", GIF, PAGE, GIF]]
)
async def test_what_is_empty_or_another_file_each_time_is_an_error_with_its_url_and_job(
    bodies: list[bytes],
) -> None:
    host = Host(*bodies)
    with pytest.raises(DownloadError, match="cannot be used: it is") as caught:
        await read(session_with(host), result_at(), swap=1)
    assert (caught.value.url, caught.value.status_code, caught.value.job) == (PICTURE_URL, 200, JOB)
    assert len(host.requests) == 5


async def test_a_redirect_is_followed_again_for_each_download() -> None:
    host = Host("https://cdn.example/b.gif", GIF, "https://cdn.example/c.gif", GIF)
    assert (await read(session_with(host), result_at(), swap=1)).data == GIF
    assert host.urls == [PICTURE_URL, "https://cdn.example/b.gif", PICTURE_URL, "https://cdn.example/c.gif"]


@pytest.mark.parametrize("coding", ["br", "gzip", "deflate", "zstd"])
@pytest.mark.parametrize("body", [AVIF, GIF, b"\x1f\x8b\x08\0junk"])
async def test_a_coding_that_cannot_be_undone_does_not_lose_a_result(coding: str, body: bytes) -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": coding}, stream=Chunks(body))

    assert (await read(session_of(Wire(answer)), result_at(), swap=1)).data == body


async def test_cancellation_between_two_downloads_is_passed_on_at_once() -> None:
    host = Host(GIF + b"1", GIF + b"2")
    with anyio.move_on_after(0.4) as scope:
        await read(session_with(host), result_at(), swap=1)
    assert scope.cancelled_caught
    assert len(host.requests) == 1


OLD = JOB.model_copy(update={"submitted_at": datetime.now(UTC) - timedelta(days=1)})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 501, 505])
async def test_a_picture_that_is_gone_is_an_error_at_once(status: int) -> None:
    host = Host(status)
    old = result_at().model_copy(update={"job": OLD})
    with pytest.raises(DownloadError, match=str(status)) as caught:
        await read(session_with(host), old, swap=1)
    assert (caught.value.url, caught.value.status_code, caught.value.job) == (PICTURE_URL, status, OLD)
    assert len(host.requests) == 1


def fresh_result() -> SwapResult:
    """A result whose job has ended just now, by the clock on the wall."""
    result = result_at()
    submitted_at = datetime.now(UTC) - timedelta(seconds=result.seconds)
    return result.model_copy(update={"job": JOB.model_copy(update={"submitted_at": submitted_at})})


@pytest.mark.parametrize("status", [403, 404])
async def test_a_fresh_picture_may_be_missing_for_two_minutes(status: int) -> None:
    host = Host(*[status] * 7, png())
    started = anyio.current_time()
    assert (await read(session_with(host), fresh_result(), swap=1)).data == png()
    assert anyio.current_time() - started < 120

    host, started = Host(status), anyio.current_time()
    with pytest.raises(DownloadError, match=f"answered {status}"):
        await read(session_with(host), fresh_result(), swap=1)
    assert anyio.current_time() - started == pytest.approx(120, abs=1)
    assert 6 < len(host.requests) < 60


@pytest.mark.parametrize("status", [400, 401, 409, 410, 501, 505])
async def test_what_cannot_pass_is_an_error_at_once_for_a_fresh_picture_too(status: int) -> None:
    host = Host(status)
    with pytest.raises(DownloadError, match=str(status)):
        await read(session_with(host), result_at(), swap=1)
    assert len(host.requests) == 1


async def test_a_wrong_clock_of_the_process_that_waited_adds_no_more_than_two_minutes() -> None:
    host, started = Host(404), anyio.current_time()
    later = JOB.model_copy(update={"submitted_at": datetime.now(UTC) + timedelta(days=1)})
    with pytest.raises(DownloadError):
        await read(session_with(host), result_at().model_copy(update={"job": later}), swap=1)
    assert anyio.current_time() - started == pytest.approx(120, abs=1)


async def test_the_message_of_a_download_gives_no_advice_about_the_key() -> None:
    with pytest.raises(DownloadError) as caught:
        await read(session_with(Host(403)), result_at(), swap=1)
    assert "key" not in str(caught.value)


@pytest.mark.parametrize(
    "passing",
    [408, 425, 500, 502, 503, 504, 520, 522, 524, 525, 529, 530, OSError("cut"), httpx.ReadTimeout("slow")],
)
async def test_what_may_pass_is_tried_again(passing: Reply) -> None:
    host = Host(passing, passing, png())
    assert (await read(session_with(host), result_at(), swap=1)).data == png()
    assert len(host.requests) == 3


@pytest.mark.parametrize(("failing", "code"), [(503, 503), (OSError("cut"), None)])
async def test_what_does_not_pass_is_an_error_after_five_attempts(failing: Reply, code: int | None) -> None:
    host = Host(failing)
    with pytest.raises(DownloadError, match="could not be fetched") as caught:
        await read(session_with(host), result_at(), swap=1)
    assert (caught.value.url, caught.value.status_code, caught.value.job) == (PICTURE_URL, code, JOB)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert len(host.requests) == 5


@pytest.mark.parametrize(
    "url",
    [
        "http://images.segmind.com/a.png",
        "https://127.0.0.1/a.png",
        "https://127.1/a.png",
        "https://localhost/a.png",
        "https://pictures.localhost/a.png",
        "https://10.0.0.1/a.png",
        "https://172.16.0.1/a.png",
        "https://192.168.1.1/a.png",
        "https://169.254.169.254/latest/meta-data/",
        "https://0.0.0.0/a.png",
        "https://[::1]/a.png",
        "https://[fe80::1]/a.png",
        "https://[fd00::1]/a.png",
        "https://[::ffff:169.254.169.254]/a.png",
        "https://user:secret@images.segmind.com/a.png",
        "ftp://images.segmind.com/a.png",
        "file:///etc/passwd",
    ],
)
async def test_urls_that_point_into_the_callers_network_are_not_fetched(url: str) -> None:
    host = Host()
    with pytest.raises(DownloadError, match="is not fetched") as caught:
        await read(session_with(host), result_at(url), swap=1)
    assert (caught.value.url, caught.value.job) == (url, JOB)
    redirecting = Host(url)
    with pytest.raises(DownloadError):
        await read(session_with(redirecting), result_at(), swap=1)
    assert host.urls == []
    assert redirecting.urls in ([PICTURE_URL], [PICTURE_URL] * 6), "nothing else is asked after a redirect"


async def test_the_emulator_on_this_machine_may_be_fetched_from() -> None:
    host = Host()
    session = session_with(host, base_url="http://127.0.0.1:8000")
    assert (await read(session, result_at("http://127.0.0.1:8000/a.png"), swap=1)).data == png()


async def test_redirects_are_followed_without_the_key() -> None:
    host = Host("https://cdn.example/b.png", "../c.png", "https://api.segmind.com/d.png", png())
    assert (await read(session_with(host), result_at(), swap=1)).data == png()
    assert host.urls == [
        PICTURE_URL,
        "https://cdn.example/b.png",
        "https://cdn.example/c.png",
        "https://api.segmind.com/d.png",
    ]
    for request in host.requests:
        assert not any(KEY in value for value in request.headers.values())


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://cdn.example/a b.png", b"/a%20b.png"),
        ("https://cdn.example/結果.png?sig=a+b%2F", b"/%E7%B5%90%E6%9E%9C.png?sig=a+b%2F"),
        ("https://bücher.example/caf\u00e9.png", b"/caf%C3%A9.png"),
        ("https://cdn.example./100%.png", b"/100%.png"),
    ],
)
async def test_a_picture_at_a_url_that_needs_encoding_is_fetched_from_the_encoded_url(
    url: str, asked: bytes
) -> None:
    host = Host()
    assert (await read(session_with(host), result_at(url), swap=1)).data == png()
    assert [request.url.raw_path for request in host.requests] == [asked]
    assert host.requests[0].headers["host"] in {"cdn.example", "xn--bcher-kva.example"}


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        (b"/b c.png", "https://images.segmind.com/b%20c.png"),
        ("/結果.png".encode(), "https://images.segmind.com/%E7%B5%90%E6%9E%9C.png"),
        (b"/caf\xe9.png", "https://images.segmind.com/caf%E9.png"),
        (b"b c.png?x=a b", "https://images.segmind.com/generations/b%20c.png?x=a%20b"),
        ("https://пример.рф/a.png".encode(), "https://xn--e1afmkfd.xn--p1ai/a.png"),
        (b"https://cdn.example./a.png", "https://cdn.example/a.png"),
        (b"//cdn.example/a b.png", "https://cdn.example/a%20b.png"),
    ],
)
async def test_a_redirect_to_a_url_that_needs_encoding_is_followed(location: bytes, asked: str) -> None:
    requests: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if len(requests) == 1:
            return httpx.Response(302, headers=[(b"location", location)])
        return httpx.Response(200, content=png())

    assert (await read(session_of(Wire(answer)), result_at(), swap=1)).data == png()
    sent = requests[1].url
    assert f"{sent.scheme}://{sent.netloc.decode()}{sent.raw_path.decode()}" == asked


@pytest.mark.parametrize(
    "location",
    [
        "https://127.0.0.1./a.png",
        "https://localhost./a.png",
        "https://a.localhost./a.png",
        "https://169.254.169.254./latest",
        "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/a.png",
        "https://127。0。0。1/a.png",
        "https://\uff4cocalhost/a.png",
        "https://10.0.0.1./a b.png",
        "https://user@cdn.example/a b.png",
        "/a\\b.png",
        "https://cdn.example\\@127.0.0.1/a.png",
        "https://cdn.example/a\tb.png",
    ],
)
async def test_an_encoded_redirect_reaches_nothing_that_a_plain_one_may_not(location: str) -> None:
    requests: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(302, headers=[(b"location", location.encode())])

    with pytest.raises(DownloadError, match="is not fetched"):
        await read(session_of(Wire(answer)), result_at(), swap=1)
    with pytest.raises(DownloadError, match=r"is not fetched|is redirected"):
        await read(session_of(Wire(answer)), result_at(location), swap=1)
    assert [str(request.url) for request in requests][:1] == [PICTURE_URL]
    assert len(requests) == 1


async def test_five_redirects_are_followed_and_not_a_sixth() -> None:
    assert (await read(session_with(Host(*["/next.png"] * 5, png())), result_at(), swap=1)).data == png()
    host = Host(*["/next.png"] * 6, png())
    with pytest.raises(DownloadError, match="more than 5 times") as caught:
        await read(session_with(host), result_at(), swap=1)
    assert (caught.value.url, caught.value.job) == (PICTURE_URL, JOB)
    assert len(host.requests) == 6


async def test_a_redirect_that_is_no_url_is_not_followed() -> None:
    host = Host("http://[", png())
    with pytest.raises(DownloadError, match="is not fetched"):
        await read(session_with(host), result_at(), swap=1)
    assert len(host.urls) == 1


async def test_a_picture_asked_for_once_the_client_is_closed_is_the_callers_mistake() -> None:
    host = Host()
    session = session_with(host)
    await session.http.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await read(session, result_at(), swap=1)
    assert host.urls == []

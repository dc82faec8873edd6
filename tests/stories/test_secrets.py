"""The key is in one header of requests to one service, and nowhere else that anybody could look.

Not promised, because no library can: a debugger, or a reporter of errors that reads the variables of frames
by their values rather than their reprs, finds the key where it is put on a request; and the debug log of
httpcore, which is not ours, tells the headers of each answer, in which a service might repeat the key.
"""

import base64
import json
import logging
import pickle
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import httpx
import pytest
from typer.testing import CliRunner

from segmind_swap import (
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    DownloadError,
    OutputError,
    RetryPolicy,
    SubmissionUnknownError,
    SwapClient,
    SwapError,
    SwapFailedError,
    SwapJob,
    SwapRequest,
    SwapResult,
)
from segmind_swap._config import WORKFLOW
from segmind_swap._http.redaction import _json_pattern
from segmind_swap.cli._app.app import app

from ..conftest import run_on_asyncio
from ..support.foreign_urls import FOREIGN, INSIDE
from ..support.journal_rows import a_job
from ..support.reachable import everything_in
from ..support.recording_server import Asked, Told, a_parrot
from ..support.scripted_service import (
    DONE,
    FAILED,
    PICTURES,
    PNG,
    QUEUED,
    REFERENCE,
    RESULT,
    SCENE,
    Scripted,
    Step,
    accepted,
    poll_url,
    raises,
)
from ..support.sessions import Wire, png

# Characters that writers of JSON escape though they need not.
KEY = "sk-canary+0123/456789<ab>=="
IN_JSON = json.dumps(KEY).strip('"')
SPELLINGS = [
    KEY,
    KEY.replace("/", "\\/"),  # PHP
    KEY.replace("+", "\\u002B").replace("<", "\\u003C").replace(">", "\\u003E"),  # .NET, Go
    "".join(f"\\u{ord(character):04x}" for character in KEY),
]
FORMS = [*SPELLINGS, base64.b64encode(KEY.encode()).decode(), quote(KEY, safe=""), quote(KEY)]
OURS = {"api.segmind.com", "workflows-api.segmind.com"}


def assert_no_key(*things: object) -> None:
    for thing in things:
        text = thing.decode("latin-1") if isinstance(thing, bytes) else str(thing)
        found = [form for form in FORMS if form in text]
        assert not found, f"the key is in {text[:500]!r}"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and all that it came from or came on top of."""
    todo = [error]
    while todo:
        found = todo.pop()
        if found is not None:
            yield found
            todo += [found.__cause__, found.__context__]
            todo += getattr(found, "exceptions", ())


def assert_error_keeps_the_key_back(error: BaseException) -> None:
    for found in chain(error):
        assert_no_key(found, repr(found), repr(found.args), repr(vars(found)))
        assert not type(found).__module__.startswith(("httpx", "httpcore")), "it would hold the request"
        assert_no_key(pickle.dumps(found), pickle.dumps(found, protocol=0))
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert_no_key(*told.format(), *traceback.format_exception(error))


def with_key(request: httpx.Request) -> bool:
    return KEY in repr(request.headers.raw) or KEY in str(request.url)


def repeating(code: int, spelling: str, **fields: Any) -> Step:
    """An answer that says the key, in its body and in its headers."""
    document = json.dumps({**fields, "message": "KEY", "error": {"details": ["KEY"]}, "seen": "KEY"})
    told = {"x-request-id": f"r-{KEY}", "x-echo": f"Bearer {KEY}", "x-cost": KEY, "retry-after": KEY}
    return Step(status=code, body=document.replace("KEY", spelling).encode(), headers=told)


def scenes(spelling: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every way in which a call may end, with the key repeated in it."""
    no = [302, 400, 401, 404, 406, 422, 429, 503] if spelling == KEY else [400, 422]
    for call in ("submit", "poll", "upload", "credits", "download"):
        for status in no:
            yield f"{call} {status}", {call: repeating(status, spelling)}
        yield f"{call} 200", {call: repeating(200, spelling)}
        yield f"{call} text", {call: Step(body=f"<p>{spelling}</p>")}
        yield f"{call} raises", {call: raises(RuntimeError(f"cannot send Bearer {KEY}"))}
        yield f"{call} cut", {call: Step(body=spelling * 3, cut=True)}
    yield "foreign poll_url", {"submit": repeating(200, spelling, poll_url=f"https://x.example/{KEY}")}
    yield "failed", {"poll": repeating(200, spelling, status="FAILED")}
    yield "no output", {"poll": repeating(200, spelling, status="COMPLETED", output="none: KEY")}
    yield "unknown word", {"poll": repeating(200, spelling, status="KEY")}
    yield "caption", {"poll": repeating(200, spelling, status="COMPLETED", output=[RESULT, "KEY"])}
    yield "redirect", {"download": Step(status=302, headers={"location": f"https://x.example/{KEY}"})}


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """All that any logger says."""
    names = [None, *logging.root.manager.loggerDict]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    with caplog.at_level(logging.DEBUG):
        yield caplog
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


async def endings(segmind: SwapClient, folder: Path, call: str) -> AsyncGenerator[object, None]:
    """What comes out of the calls of the interface that make such a request."""
    job, result = a_job(), SwapResult(job=a_job(), url=RESULT, outputs=(), seconds=1.0)
    requests = [SwapRequest(id="c", **PICTURES)]
    journal = folder / "run.db"
    calls: dict[str, list[Callable[[], Awaitable[object]]]] = {
        "submit": [
            lambda: segmind.submit(**PICTURES),
            lambda: segmind.swap_all(requests, journal=journal, save_to=folder),
            lambda: segmind.check(requests, journal=journal, save_to=folder),
        ],
        "poll": [
            lambda: segmind.status(job),
            lambda: segmind.wait(job),
            lambda: segmind.swap_all(requests, journal=journal, save_to=folder),
        ],
        "upload": [
            lambda: segmind.upload(png(7)),
            lambda: segmind.swap(reference_character_image=PNG, character_image=SCENE),
        ],
        "credits": [segmind.credits],
        "download": [
            lambda: segmind.swap(**PICTURES, save_to=folder / "a.png", overwrite=True),
            lambda: segmind.download(result, folder / "b.png", overwrite=True),
        ],
    }
    for made in calls[call]:
        ending: object = None
        # A batch waits for a service that is away for as long as it takes.
        with anyio.move_on_after(120.0):
            try:
                ending = await made()
            except SwapError as exc:
                ending = exc
        yield ending


def assert_nothing_kept(folder: Path) -> None:
    for file in folder.rglob("*"):
        assert_no_key(file.name)
        if file.is_file():
            assert_no_key(file.read_bytes())


# The whole interface


@pytest.mark.parametrize("spelling", SPELLINGS, ids=["as it is", "PHP", ".NET", "escaped"])
async def test_a_key_that_the_service_repeats_is_nowhere(
    spelling: str, tmp_path: Path, told: pytest.LogCaptureFixture
) -> None:
    events: list[object] = []
    names = [name for name, _ in scenes(spelling)]
    assert len(names) == len(set(names))
    for number, (name, steps) in enumerate(scenes(spelling)):
        (call,) = steps
        folder = tmp_path / str(number)
        folder.mkdir()
        service = Scripted(**steps)
        segmind = SwapClient(KEY, transport=service, timeout=30.0, on_event=events.append)
        async with segmind, aclosing(endings(segmind, folder, call)) as ended:
            async for ending in ended:
                if isinstance(ending, SwapError):
                    assert_error_keeps_the_key_back(ending)
                else:
                    assert_no_key(repr(ending), pickle.dumps(ending))
        assert_no_key(repr(segmind), repr(vars(segmind)))
        keyed = {seen.request.url.host for seen in service.seen if with_key(seen.request)}
        assert keyed <= OURS, name
        assert_nothing_kept(folder)
    assert_no_key(*map(repr, events))
    for event in events:
        error = getattr(event, "error", None)
        if error is not None:
            assert_error_keeps_the_key_back(error)
    assert told.records
    assert_no_key(told.text, *(repr(vars(record)) for record in told.records))


async def test_the_key_is_on_each_request_that_needs_it_once_and_on_no_download(tmp_path: Path) -> None:
    service = Scripted(poll=[QUEUED, DONE])
    async with SwapClient(KEY, transport=service) as segmind:
        await segmind.swap(reference_character_image=PNG, character_image=SCENE, save_to=tmp_path / "a.png")
        await segmind.credits()
        reprs = [repr(thing) for thing in everything_in(segmind)]
    assert_no_key(*reprs)
    assert len(reprs) > 100, "the walk reaches the insides"
    for seen in service.seen:
        head = repr(seen.request.headers.raw)
        assert head.count(KEY) == (seen.call != "download"), seen
        assert_no_key(seen.body, seen.request.url)
    assert_nothing_kept(tmp_path)


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_the_key_is_found_in_json_within_json(levels: int) -> None:
    for spelling in SPELLINGS:
        text = f'{{"error": "{spelling}"}}'
        for _ in range(levels):
            text = json.dumps({"output": text})
        found = _json_pattern(KEY).sub(b"***", text.encode()).decode()
        assert found.count("***") == 1, found
        for _ in range(levels):
            found = json.loads(found)["output"]
        assert json.loads(found) == {"error": "***"}


# Commands, with real sockets


def _repeating_service(url: str, asked: Asked) -> Told:
    """Makes what it is asked for, and repeats the key in all that it says."""
    key = asked.headers.get("x-api-key") or asked.headers.get("authorization", "").removeprefix("Bearer ")
    said = {"message": f"your key is {key}", "request_id": f"r-{key}", "error": f"none, {key}"}
    if "upload" in asked.path:
        said["file_urls"] = [f"{url}/pictures/in.png"]  # type: ignore[assignment]
    elif "credits" in asked.path:
        said |= {"credits": 9.5, "free-credits": 0.5}  # type: ignore[dict-item]
    elif asked.method == "POST":
        said["poll_url"] = f"{url}/requests/{'failed' if b'bad' in asked.body else 'done'}"
    elif asked.path.endswith("/done"):
        said |= {"status": "COMPLETED", "output": f"{url}/pictures/out.png"}
    elif asked.path.endswith("/failed"):
        said["status"] = "FAILED"
    else:
        return Told(body=PNG)
    return Told(body=json.dumps(said).encode())


def test_no_command_writes_the_key_anywhere(tmp_path: Path, told: pytest.LogCaptureFixture) -> None:
    (tmp_path / "hero.png").write_bytes(png(1))
    (tmp_path / "pairs.csv").write_text(
        "id,reference_character_image,character_image\n"
        "good,hero.png,http://p.example/s.png\nbad,hero.png,http://p.example/bad.png\n"
    )
    out = tmp_path / "out"
    with a_parrot(_repeating_service) as service:
        env = {"SEGMIND_BASE_URL": service.url, "SEGMIND_API_KEY": KEY, "COLUMNS": "300", "NO_COLOR": "1"}
        # One at a time: beside a swap that fails, another is looked at after 45 s of real time.
        batch = ("batch", str(tmp_path / "pairs.csv"), "--out", str(out), "--concurrency", "1")
        commands = {
            ("credits", "--json"): 0,
            ("upload", str(tmp_path / "hero.png"), "--json"): 0,
            ("swap", "--reference", REFERENCE, "--scene", SCENE, "--out", str(tmp_path / "a"), "--json"): 0,
            ("wait", f"{service.url}/requests/failed", "--out", str(tmp_path / "b"), "--json"): 6,
            ("wait", f"{service.url}/requests/done", "--out", str(tmp_path / "c")): 0,
            ("wait", f"https://x.example/{'a' * 9}", "--out", str(tmp_path / "d")): 3,
            (*batch, "--poll-interval", "0.05"): 6,
            (*batch, "--json"): 0,
            ("status", str(out)): 0,
            ("resolve", str(out), "bad", "--resubmit"): 0,
        }
        for command, code in commands.items():
            done = CliRunner(env=env).invoke(app, list(command))
            assert done.exit_code == code, (command, done.output)
            assert_no_key(done.output, done.exception or "")
        keyed = {asked.path for asked in service.asked if KEY in str(asked.headers)}
        assert keyed >= {"/upload-asset", "/v1/get-user-credits", "/requests/done"}
        assert not any("pictures" in path for path in keyed), "pictures are fetched without the key"
        assert_no_key(*(asked.path for asked in service.asked), *(asked.body for asked in service.asked))
    assert {"good.png", "journal.db", "report.html", "results.jsonl"} <= {file.name for file in out.iterdir()}
    assert_nothing_kept(tmp_path)
    assert any(record.name.startswith("httpcore") for record in told.records), "the logs are on"
    assert_no_key(told.text, *(repr(vars(record)) for record in told.records))


# Other hosts


REDIRECTS = [301, 302, 303, 307, 308]


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("call", ["submit", "poll", "upload", "credits"])
async def test_no_call_with_the_key_follows_a_redirect(call: str, status: int) -> None:
    step = Step(status=status, headers={"location": "https://evil.example/take"})
    service = Scripted(**{call: step})
    async with SwapClient(KEY, transport=service, timeout=30.0) as segmind:
        with pytest.raises(SwapError) as caught:
            match call:
                case "submit":
                    await segmind.swap(**PICTURES)
                case "poll":
                    await segmind.status(a_job())
                case "upload":
                    await segmind.upload(PNG)
                case _:
                    await segmind.credits()
    assert isinstance(caught.value, BadRequestError)
    assert "redirects are never followed" in str(caught.value)
    assert [seen.request.url.host in OURS for seen in service.seen] == [True]


@pytest.mark.parametrize("status", REDIRECTS)
async def test_a_download_follows_a_redirect_without_the_key_even_to_the_service(status: int) -> None:
    asked: list[httpx.Request] = []
    stations = [
        RESULT,
        "https://cdn.example/a.png",
        "https://api.segmind.com/a.png",
        "https://cdn.example/b.png",
    ]

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) < len(stations):
            return httpx.Response(status, headers={"location": stations[len(asked)]})
        return httpx.Response(200, content=PNG)

    async with SwapClient(KEY, transport=Wire(answer)) as segmind:
        assert await segmind.read(SwapResult(job=a_job(), url=RESULT, outputs=(), seconds=1.0)) == PNG
    assert [str(request.url) for request in asked] == stations
    assert not any(map(with_key, asked))


DOWNGRADED = "http://api.segmind.com/1"
"""The very host that took the submit is asked over https. As a picture's URL, the text stays refused."""


async def test_the_key_never_leaves_in_clear_text_although_the_poll_url_says_http() -> None:
    service = Scripted(submit=Step(body={"poll_url": DOWNGRADED, "request_id": "1"}))
    async with SwapClient(KEY, transport=service) as segmind:
        result = await segmind.swap(**PICTURES)
        for job in (result.job, result.job.model_copy(update={"poll_url": DOWNGRADED})):
            assert (await segmind.status(job)).url == RESULT
    polls = [seen.request for seen in service.seen if seen.call == "poll"]
    assert {(str(poll.url), with_key(poll)) for poll in polls} == {("https://api.segmind.com/1", True)}


@pytest.mark.parametrize("url", [url for url in [*FOREIGN, *INSIDE] if url != DOWNGRADED], ids=ascii)
async def test_no_request_with_the_key_leaves_for_a_poll_url_of_elsewhere(url: str) -> None:
    service = Scripted(submit=Step(body={"poll_url": url, "request_id": "1"}))
    async with SwapClient(KEY, transport=service) as segmind:
        with pytest.raises(SubmissionUnknownError) as caught:
            await segmind.swap(**PICTURES)
        jobs = [SwapJob(poll_url=url, workflow=WORKFLOW, submitted_at=datetime.now(UTC))]
        jobs += [caught.value.job] if caught.value.job is not None else []
        for job in jobs:
            for call in (segmind.wait, segmind.status):
                with pytest.raises(ConfigurationError) as refused:
                    await call(job)
                assert refused.value.job == job
    assert service.count("submit") == len(service.seen) == 1
    assert_error_keeps_the_key_back(caught.value)


# A public https host may be asked for a picture, whoever it is: without the key.
UNFETCHABLE = [*INSIDE, *(url for url in FOREIGN if "evil" not in url or "@" in url)]
UNFETCHABLE.remove("https://api.segmind.com:444/1")
# Of a picture's host, the dot at the end goes, and letters that are not ASCII are written in A-labels.
IN_ASCII = {
    "https://api.segmind.com./1": "api.segmind.com",
    "https://\u0430pi.segmind.com/1": "xn--pi-6kc.segmind.com",
    "https://api.s\u0435gmind.com/1": "api.xn--sgmind-3of.com",
    "https://api.segm\u0131nd.com/1": "api.xn--segmnd-s9a.com",
}
UNFETCHABLE = [url for url in UNFETCHABLE if url not in IN_ASCII]


@pytest.mark.parametrize("url", IN_ASCII, ids=ascii)
async def test_a_picture_is_fetched_from_the_very_host_that_was_judged_and_without_the_key(url: str) -> None:
    asked: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=PNG)

    async with SwapClient(KEY, transport=Wire(answer)) as segmind:
        assert await segmind.read(SwapResult(job=a_job(), url=url, outputs=(), seconds=1.0)) == PNG
    assert [request.url.raw_host.decode() for request in asked] == [IN_ASCII[url]]
    assert not any(map(with_key, asked))


@pytest.mark.parametrize("url", UNFETCHABLE, ids=ascii)
async def test_no_picture_is_fetched_from_inside_or_by_an_address_with_two_readings(url: str) -> None:
    service = Scripted(poll=Step(body={"status": "COMPLETED", "output": [{"data": url, "type": "image"}]}))
    async with SwapClient(KEY, transport=service) as segmind:
        try:
            result = await segmind.swap(**PICTURES)
        except OutputError as exc:
            assert exc.job is not None
            result = SwapResult(job=exc.job, url=url, outputs=(), seconds=1.0)
        with pytest.raises(DownloadError, match="is not fetched"):
            await segmind.read(result)
        # Nor when a public host sends it there.
        service.steps["download"] = [Step(status=302, headers={"location": ascii(url)[1:-1]})]
        with pytest.raises(DownloadError):
            await segmind.read(result.model_copy(update={"url": RESULT}))
    for seen in service.seen:
        assert seen.request.url.host in {*OURS, "images.segmind.com"}, seen
        assert not (with_key(seen.request) and seen.request.url.host not in OURS)


async def test_a_service_on_this_machine_may_keep_its_pictures_here_and_its_key_to_itself() -> None:
    asked: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=PNG)

    picture = "http://127.0.0.1:9999/images/a.png"
    async with SwapClient(KEY, base_url="http://localhost:8000", transport=Wire(answer)) as segmind:
        job = a_job().model_copy(update={"poll_url": "http://localhost:8000/1"})
        assert await segmind.read(SwapResult(job=job, url=picture, outputs=(), seconds=1.0)) == PNG
        for other in ("http://localhost:8001/1", "http://127.0.0.1:8000/1", "https://api.segmind.com/1"):
            with pytest.raises(ConfigurationError, match="must not see the key"):
                await segmind.status(job.model_copy(update={"poll_url": other}))
    assert [str(request.url) for request in asked] == [picture]
    assert not any(map(with_key, asked))


# Proxies


@pytest.mark.real_time
async def test_a_proxy_sees_where_a_request_goes_and_neither_key_nor_pictures(
    told: pytest.LogCaptureFixture,
) -> None:
    events: list[object] = []
    with a_parrot(lambda url, asked: Told(status=403, body=b"no way through")) as proxy:
        address = proxy.url.replace("http://", "http://me:secret-word@")
        retry = RetryPolicy(attempts=2, initial_delay=0.0)
        segmind = SwapClient(KEY, proxy=address, retry=retry, on_event=events.append, auth="bearer")
        errors = []
        async with segmind:
            for call in (segmind.submit(**PICTURES), segmind.status(a_job())):
                with pytest.raises(ConnectionFailedError) as caught:
                    await call
                errors.append(caught.value)
        assert proxy.asked
    for asked in proxy.asked:
        assert (asked.method, asked.path, asked.body) == ("CONNECT", "api.segmind.com:443", b"")
        assert_no_key(asked.headers)
        assert asked.headers["proxy-authorization"] == f"Basic {base64.b64encode(b'me:secret-word').decode()}"
    shown = [repr(segmind), repr(vars(segmind)), told.text, *map(repr, events)]
    for error in errors:
        assert_error_keeps_the_key_back(error)
        shown += [str(error), repr(vars(error)), *traceback.format_exception(error)]
    assert_no_key(*shown)
    for text in shown:
        assert "secret-word" not in text


@pytest.mark.parametrize(
    "proxy", ["http://me:secret-word@", "secret-word", "socks5://me:secret-word@h:1", "http://[:secret-word"]
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(proxy: str) -> None:
    async def main() -> None:
        async with SwapClient(KEY, proxy=proxy) as segmind:
            await segmind.credits()

    with pytest.raises(SwapError) as caught:
        run_on_asyncio(main())
    for found in chain(caught.value):
        assert "secret-word" not in f"{found} {found!r} {vars(found)}"
    assert "secret-word" not in "".join(traceback.format_exception(caught.value)).replace(f'"{proxy}"', "")


async def test_a_failed_swap_and_a_job_in_json_hold_no_key() -> None:
    service = Scripted(submit=accepted(), poll=FAILED)
    async with SwapClient(KEY, transport=service) as segmind:
        with pytest.raises(SwapFailedError) as caught:
            await segmind.swap(**PICTURES)
    assert caught.value.job is not None
    assert_no_key(caught.value.job.model_dump_json(), poll_url())
    assert_error_keeps_the_key_back(caught.value)

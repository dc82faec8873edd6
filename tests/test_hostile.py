"""Whatever a service answers: no crash, no second payment, no paid job given up, and no end of memory."""

import copy
import functools
import gzip
import json
import math
import pickle
import re
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from segmind_swap import (
    AuthenticationError,
    ConnectionFailedError,
    DownloadError,
    Journal,
    JournalError,
    OutputError,
    PermissionDeniedError,
    ResponseError,
    RetryPolicy,
    StatusError,
    SubmissionUnknownError,
    SwapClient,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapJob,
    SwapResult,
    SwapStatus,
)
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._encoding import decoded
from segmind_swap._errors import ConfigurationError
from segmind_swap._failures import failure_text
from segmind_swap._hints import retry_delay
from segmind_swap._images import checked
from segmind_swap._journal_file import to_read, to_write
from segmind_swap._models import OutcomeState
from segmind_swap._origin import Service, origin_of
from segmind_swap._outputs import outputs_of, picture_in
from segmind_swap._wire import (
    Answer,
    Call,
    accepted_job,
    read_credits,
    read_status,
    read_upload,
    refusal,
)
from segmind_swap.cli._app import app
from segmind_swap.cli._pairs_file import COLUMNS, read_pairs

from .conftest import VirtualTimeLoop, virtual_trio
from .journals import a_job, a_result, at, row
from .parrot import Asked, Told, a_parrot
from .scripted import KEY, PICTURES, PNG, RESULT, Scripted, Step, client, poll_url
from .sessions import Chunks, Wire, jpeg, png, webp

MIB = 1024 * 1024
SEGMIND = Service(BASE_URL)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "trio"])

# Controls, lone surrogates, and what turns a line around, hides in it or ends it.
HARM = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
NASTY = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\u202etxt.exe\u2066\r\n"
    "segmind-swap: forged [bold red]x[/] <script>alert(1)</script>"
)


def assert_harmless(*texts: str | None) -> None:
    for text in filter(None, texts):
        assert HARM.search(text) is None, ascii(text)


def run(loop: str, main: Callable[[], Awaitable[None]]) -> None:
    """Runs it in virtual time: Hypothesis calls plain functions only."""
    options = {"loop_factory": VirtualTimeLoop} if loop == "asyncio" else virtual_trio()
    anyio.run(main, backend=loop, backend_options=options)


# What comes


def payloads() -> list[tuple[int, bytes]]:
    """Real answers, as (status, body)."""
    lines = (Path(__file__).parent / "payloads" / "payloads.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        (row["http"], row["text"].encode() if "text" in row else json.dumps(row["body"]).encode())
        for row in rows
        if "text" in row or "body" in row
    ]


REAL = payloads()

# JSON that no decent writer writes: all of it has been seen to break one reader or another.
INDECENT = [
    b'{"status":"COMPLETED","status":"FAILED"}',
    b'{"status":"FAILED","status":"QUEUED"}',
    b'{"poll_url":"https://evil.example/1","poll_url":"https://api.segmind.com/1"}',
    b'{"status":"\\ud800","error":"\\udfff"}',
    b'{"status":"COMPLETED","output":"[{\\"keyname\\":\\"\\\\ud800\\"}]"}',
    b'{"status":NaN,"metrics":{"cost":NaN}}',
    b'{"status":"COMPLETED","output":[Infinity,-Infinity]}',
    b'{"credits":1e999,"free-credits":-1e999}',
    b'{"credits":NaN}',
    b'{"status":"FAILED","error":1e999}',
    b'{"status":%s}' % (b"9" * 5000),
    b'{"status":"FAILED","error":%s}' % (b"9" * 4300),
    b'{"metrics":{"cost":1%s}}' % (b"0" * 400),
    b'{"status":' + b"[" * 100_000,
    b"[" * 150 + b"]" * 150,
    b'{"error":' * 150 + b"1" + b"}" * 150,
    b'{"status":"COMPLETED","output":%s}' % json.dumps('["' * 50).encode(),
    b"\xef\xbb\xbf" + b'{"status":"COMPLETED"}',
    '{"status":"FAILED"}'.encode("utf-16"),
    b'{"status":"FAILED\x00"}',
    b'{"status":"FAI\\u0000LED"}',
    b'{"status":"\xc3\x28"}',
    b"{'status':'FAILED'}",
    b'{"status":"FAILED"} trailing',
    b'{"status":"FAILED",}',
    b"null",
    b"",
    b"\x00" * 50,
    json.dumps({"status": NASTY, "error": NASTY, "request_id": NASTY, "poll_url": NASTY}).encode(),
    json.dumps({"poll_url": "https://api.segmind.com/" + "a" * 5000}).encode(),
    json.dumps({"poll_url": f"https://api.segmind.com/{NASTY}", "request_id": "\u202e1"}).encode(),
]
WORDS = [
    "FAILED",
    " failed\n",
    "Error",
    "CANCELLED",
    "EXPIRED",
    "COMPLETED",
    "success",
    "QUEUED",
    "WARMING_UP",
]

strange = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from([*WORDS, NASTY, RESULT, "https://evil.example/x", "//api.segmind.com/1", "", "[]", '"'])
    | st.sampled_from([[], {}, [[[[[[[[]]]]]]]], {"data": {"data": {"data": 1}}}, 10**4000, -(10**400)])
)


@st.composite
def mistyped(draw: st.DrawFn) -> bytes:
    """A real answer in which one to three values are others."""
    _, body = draw(st.sampled_from(REAL))
    try:
        value = json.loads(body)
    except ValueError:
        return body
    for _ in range(draw(st.integers(1, 3))):
        value = _with_other_value(draw, copy.deepcopy(value))
    return json.dumps(value).encode()


def _with_other_value(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        value[key] = _with_other_value(draw, value[key])
        return value
    if isinstance(value, list) and value and draw(st.booleans()):
        value[0] = _with_other_value(draw, value[0])
        return value
    return draw(strange)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real answer with pieces lost, doubled, or from elsewhere."""
    body = draw(st.sampled_from([body for _, body in REAL] + INDECENT))[:4000]
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(body)))
        end = draw(st.integers(begin, min(len(body), begin + 40)))
        other = draw(
            st.sampled_from([b"", body[begin:end] * 2, b"\\", b'"', b"{", b"]", b"\xff", b"\\ud83d"])
        )
        body = body[:begin] + draw(st.binary(max_size=4) | st.just(other)) + body[end:]
    return body


bodies = (
    st.sampled_from([body for _, body in REAL])
    | st.sampled_from(INDECENT)
    | mistyped()
    | damaged()
    | st.binary(max_size=200)
)
codes = st.sampled_from([code for code, _ in REAL]) | st.integers(200, 599)
header_values = (
    st.sampled_from(
        ["0", "-1", "1e999", "9" * 60, "NaN", "2026-11-22T12:01:00Z", "Sun, 22 Nov 2026 12:00:05 GMT", "\xa0"]
    )
    | st.sampled_from(
        ["\u202e", "r-1", "x" * 300, "Ж", "1; a=b", "http://127.0.0.1/", "//[", "https://a..b/"]
    )
    | st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=20)
)
HEADERS = ["x-request-id", "x-cost", "x-rate-limit-reset-at-utc", "retry-after", "date", "location"]
headers = st.dictionaries(st.sampled_from(HEADERS), header_values, max_size=4)


# Parsers


@settings(max_examples=300)
@given(codes, headers, bodies)
def test_whatever_is_answered_each_reader_gives_its_value_or_its_documented_error(
    code: int, headers: dict[str, str], body: bytes
) -> None:
    answer = Answer(status_code=code, headers=headers, body=body)
    assert_harmless(answer.excerpt, answer.text, answer.request_id, failure_text(body))

    job = accepted_job(SEGMIND, answer, workflow=WORKFLOW, possible_duplicates=0)
    if job is not None:
        assert answer.ok
        assert_harmless(job.name, job.request_id)
        assert SwapJob.model_validate_json(job.model_dump_json()) == job

    match _tried(lambda: read_status(answer)):
        case SwapStatus() as status:
            assert answer.ok or code in {400, 422, 500}
            assert_harmless(status.raw, status.reason, status.url)
            assert status.cost_usd is None or 0 <= status.cost_usd < math.inf
        case OutputError() | StatusError() | ResponseError() as error:
            assert_harmless(str(error))
        case other:
            pytest.fail(f"a poll gave {other!r}")
    for found in (_tried(lambda: read_upload(SEGMIND, answer)), _tried(lambda: read_credits(answer))):
        if isinstance(found, SwapError):
            assert isinstance(found, ResponseError), found
            assert_harmless(str(found))
    assert_harmless(str(refusal(answer, Call.SUBMIT)), refusal(answer, Call.POLL).request_id)
    delay = retry_delay(headers, NOW)
    assert delay is None or 0.5 <= delay <= 120

    fields = answer.fields()
    if fields is not None:
        url = picture_in(outputs_of(fields))
        assert url is None or origin_of(url)


def _tried(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except SwapError as exc:
        return exc


@settings(max_examples=200)
@given(st.text(max_size=40) | header_values, st.booleans())
def test_whatever_is_given_as_an_address_is_an_origin_or_a_value_error(text: str, prefixed: bool) -> None:
    url = f"https://{text}" if prefixed else text
    try:
        origin = origin_of(url)
    except ValueError:
        assert SEGMIND.complaint_about_poll_url(url) is not None
        assert SEGMIND.complaint_about_picture_url(url) is not None
        return
    assert url.isascii()
    assert url.isprintable()
    assert httpx.URL(url).host.strip("[]") in {origin.host.strip("[]"), httpx.URL(str(origin)).host}


@settings(max_examples=200)
@given(st.binary(max_size=300), st.sampled_from([png(), jpeg(), webp()]), st.integers(0, 80), st.booleans())
def test_whatever_follows_the_beginning_of_a_picture_it_is_bounded_or_a_value_error(
    tail: bytes, whole: bytes, kept: int, spliced: bool
) -> None:
    data = whole[:kept] + tail + (whole[kept:] if spliced else b"")
    try:
        picture = checked(data, max_bytes=10_000)
    except ValueError as exc:
        assert_harmless(str(exc))
        return
    assert 0 < picture.width_px * picture.height_px <= 100_000_000
    assert picture.data == data


cells = st.sampled_from(
    [*COLUMNS, "a", "x.png", "https://a.example/x", '"', '""', "a,b", "\x00", "\ufeff", "é"]
)
tables = (
    st.lists(st.lists(cells | st.text(max_size=5), max_size=5).map(",".join), max_size=5).map("\n".join)
    | st.lists(st.sampled_from(INDECENT).map(lambda body: body.decode(errors="replace"))).map("\n".join)
    | st.lists(st.dictionaries(st.sampled_from(COLUMNS), strange), max_size=3).map(
        lambda rows: "\r\n".join(map(json.dumps, rows))
    )
)
prefixes = st.sampled_from(["", f"{','.join(COLUMNS)}\n", f"{','.join(reversed(COLUMNS))},id\r\n", "\ufeff"])
encodings = st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32-le", "latin-1", "cp1252"])


@settings(max_examples=250)
@given(prefixes, tables, encodings, st.binary(max_size=6), st.sampled_from([".csv", ".jsonl"]))
def test_whatever_a_table_of_pairs_holds_it_is_pairs_and_problems_or_a_configuration_error(  # noqa: PLR0917
    tmp_path_factory: pytest.TempPathFactory, prefix: str, text: str, encoding: str, tail: bytes, kind: str
) -> None:
    file = _folder(tmp_path_factory) / f"pairs{kind}"
    file.write_bytes((prefix + text).encode(encoding, errors="replace") + tail)
    try:
        pairs = read_pairs(file, None)
    except ConfigurationError as exc:
        assert str(exc).startswith(str(file))
        return
    assert pairs.requests or pairs.problems
    for request in pairs.requests:
        assert request.id
    for problem in pairs.problems:
        assert re.match(rf"{re.escape(str(file))}:\d+: ", problem), problem


_FOLDERS: dict[int, Path] = {}


def _folder(factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a run."""
    return _FOLDERS.setdefault(id(factory), factory.mktemp("hostile"))


@functools.cache
def _a_journal(path: Path) -> bytes:
    store = at(path)
    for number, state in enumerate(OutcomeState):
        result = a_result(number) if state in {OutcomeState.COMPLETED, OutcomeState.SAVED} else None
        row(store, state, state, posts=state is not OutcomeState.PENDING, job=a_job(number), result=result)
    store.close()
    return path.read_bytes()


@settings(max_examples=60)
@given(st.integers(0), st.binary(min_size=1, max_size=64), st.sampled_from([0, 1, 4096]))
@example(0, b"SQLite format 3\x00" + b"\xff" * 48, 0)
@example(100, bytes(64), 0)
def test_whatever_is_written_over_a_journal_it_opens_or_is_a_journal_error(
    tmp_path_factory: pytest.TempPathFactory, place: int, junk: bytes, lost: int
) -> None:
    folder = _folder(tmp_path_factory)
    whole = _a_journal(folder / "whole.db")
    place %= len(whole)
    path = folder / "damaged.db"
    for file in folder.glob("damaged.db*"):
        file.unlink()
    path.write_bytes((whole[:place] + junk + whole[place + len(junk) :])[: len(whole) - lost])
    for opening in (to_read, to_write):
        try:
            store = opening(path)
        except JournalError as exc:
            assert str(path) in str(exc)
            continue
        store.close()
    journal = Journal(path)
    for look in (journal.summary, lambda: list(journal.outcomes())):
        try:
            look()
        except JournalError as exc:
            assert str(path) in str(exc)


# End to end: what is paid


@dataclass
class Generated(httpx.AsyncBaseTransport):
    """Answers from a script, each as (status, headers, body), whatever it is asked; then `last`."""

    script: Sequence[tuple[int, dict[str, str], bytes]]
    last: tuple[int, dict[str, str], bytes]
    given: list[int] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for _ in request.stream:
            pass
        self.requests.append(request)
        number = len(self.given)
        code, headers, body = self.script[number] if number < len(self.script) else self.last
        self.given.append(code)
        raw = [(name.encode(), value.encode("utf-8")) for name, value in headers.items()]
        return httpx.Response(code, headers=raw, stream=httpx.ByteStream(body))


answers = st.tuples(codes | st.sampled_from([200, 401, 429, 502, 503, 504]), headers, bodies)


@LOOPS
@settings(max_examples=80)
@given(st.lists(answers, min_size=1, max_size=5), st.sampled_from(["documented", "strict"]), st.booleans())
def test_whatever_a_submit_is_answered_no_post_leaves_beyond_the_policy(
    loop: str, script: list[tuple[int, dict[str, str], bytes]], policy: Any, pinned: bool
) -> None:
    service = Generated(script, script[-1])

    async def main() -> None:
        retry = RetryPolicy(submit=policy)
        auth = "bearer" if pinned else "auto"
        async with client(service, retry=retry, auth=auth, timeout=60.0) as segmind:
            try:
                ending: SwapJob | SwapError = await segmind.submit(**PICTURES)
            except SwapError as exc:
                ending = exc
        check(ending)

    def check(ending: SwapJob | SwapError) -> None:
        given = service.given
        again, final = given[:-1], given[-1]
        gateway = {502, 503, 504} if policy == "documented" else set()
        assert set(again) <= {401, 429} | gateway, given
        assert sum(code in gateway for code in given) <= 3
        assert given.count(401) <= (1 if pinned else 2)
        assert {request.url.host for request in service.requests} == {"api.segmind.com"}
        match ending:
            case SwapJob():
                assert 200 <= final < 300
                assert ending.poll_url is None or SEGMIND.complaint_about_poll_url(ending.poll_url) is None
                assert ending.possible_duplicates == sum(code in gateway for code in again)
                assert SwapJob.model_validate_json(ending.model_dump_json()) == ending
            case StatusError():
                # Refused is only what was never perhaps taken.
                assert ending.status_code == final
                assert not any(200 <= code < 300 or code > 500 for code in given), given
            case SubmissionUnknownError():
                assert any(200 <= code < 300 or code > 500 for code in given), given
            case _:
                pytest.fail(f"a submit ended in {ending!r}")
        if isinstance(ending, SwapError):
            assert_harmless(str(ending), getattr(ending, "request_id", None))
            assert str(pickle.loads(pickle.dumps(ending))) == str(ending)

    run(loop, main)


SAYS_FAILED = {"FAILED", "ERROR", "CANCELLED", "CANCELED", "EXPIRED"}
SAYS_COMPLETED = {"COMPLETED", "SUCCEEDED", "SUCCESS"}


def word_of(body: bytes) -> str:
    """The status in a body, read by another reader than the client's."""
    try:
        fields = json.loads(body.decode())
    except (ValueError, RecursionError):
        return ""
    word = fields.get("status") if isinstance(fields, dict) else None
    return word.strip().upper() if isinstance(word, str) else ""


DONE: tuple[int, dict[str, str], bytes] = (
    200,
    {},
    json.dumps({"status": "COMPLETED", "output": RESULT}).encode(),
)


@LOOPS
@settings(max_examples=80)
@given(st.lists(answers, min_size=1, max_size=5))
def test_whatever_polls_are_answered_a_job_fails_on_the_services_own_word_alone(
    loop: str, script: list[tuple[int, dict[str, str], bytes]]
) -> None:
    service = Generated(script, DONE)
    job = SwapJob(poll_url=poll_url(), workflow=WORKFLOW, submitted_at=datetime.now(UTC))

    async def main() -> None:
        async with client(service) as segmind:
            try:
                ending: SwapResult | SwapError = await segmind.wait(job, timeout=3600)
            except SwapError as exc:
                ending = exc
        check(ending)

    def check(ending: SwapResult | SwapError) -> None:
        number = len(service.given) - 1
        code, _, body = script[number] if number < len(script) else DONE
        match ending:
            case SwapResult():
                assert word_of(body) in SAYS_COMPLETED
                assert origin_of(ending.url)
            case SwapFailedError():
                assert word_of(body) in SAYS_FAILED
                assert 200 <= code < 300 or code in {400, 422, 500}
            case OutputError():
                assert word_of(body) in SAYS_COMPLETED
                assert len(ending.body) <= 64 * 1024
            case AuthenticationError() | PermissionDeniedError():
                assert code in {401, 403}
            case SwapExpiredError():
                assert set(service.given[-3:]) <= {404, 410}
                assert len(service.given) >= 3
            case _:
                pytest.fail(f"a wait ended in {ending!r}")
        if isinstance(ending, SwapError):
            assert ending.job == job, "a paid job can always be found again"
            assert_harmless(str(ending))
            assert str(pickle.loads(pickle.dumps(ending))) == str(ending)

    run(loop, main)


@LOOPS
@settings(max_examples=60)
@given(st.lists(answers, min_size=1, max_size=3))
def test_whatever_free_calls_and_downloads_are_answered_documented_errors_come_out(
    loop: str, script: list[tuple[int, dict[str, str], bytes]]
) -> None:
    result = SwapResult(job=a_job(), url=RESULT, outputs=(), seconds=1.0)

    async def main() -> None:
        for call, documented in (
            ("upload", (StatusError, ResponseError)),
            ("credits", (StatusError, ResponseError)),
            ("read", (DownloadError,)),
        ):
            service = Generated(script, script[-1])
            async with client(service, timeout=60.0) as segmind:
                try:
                    match call:
                        case "upload":
                            assert_harmless(await segmind.upload(PNG))
                        case "credits":
                            await segmind.credits()
                        case _:
                            assert await segmind.read(result)
                except documented as exc:
                    assert_harmless(str(exc))
                    assert str(pickle.loads(pickle.dumps(exc))) == str(exc)
            if call != "read":
                hosts = {request.url.host for request in service.requests}
                assert hosts <= {"api.segmind.com", "workflows-api.segmind.com"}

    run(loop, main)


# Memory


def _repeated(begin: bytes, part: bytes, end: bytes, size: int = 16 * MIB - 100) -> bytes:
    return begin + part * ((size - len(begin) - len(end)) // len(part)) + end


@functools.cache
def _gzip_bomb() -> bytes:
    """256 MiB of zeros, made in pieces: no test should need what it forbids."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(MIB)
    return b"".join([*(squeeze.compress(piece) for _ in range(256)), squeeze.flush()])


BOMBS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "a gzip bomb": lambda: ("gzip", _gzip_bomb()),
    "a gzip bomb in a gzip bomb": lambda: ("gzip, gzip", gzip.compress(_gzip_bomb())),
    "a deflate bomb": lambda: ("deflate", zlib.compress(bytes(64 * MIB), 9)),
    "brotli, which nobody asked for": lambda: ("br", bytes(15 * MIB)),
    "a thousand layers": lambda: (", ".join(["gzip"] * 1000), gzip.compress(b"{}")),
    "five million empty objects": lambda: ("gzip", gzip.compress(_repeated(b"[{}", b",{}", b"]"), 1)),
    "five million objects as the output": lambda: (
        "gzip",
        gzip.compress(_repeated(b'{"status":"COMPLETED","output":[{}', b",{}", b"]}"), 1),
    ),
    "five million lists in a text": lambda: (
        "gzip",
        gzip.compress(_repeated(b'{"status":"COMPLETED","output":"[[]', b",[]", b']"}'), 1),
    ),
    "five million reasons": lambda: (
        "gzip",
        gzip.compress(_repeated(b'{"status":"FAILED","error":["a"', b',"b"', b"]}"), 1),
    ),
    "a million names": lambda: (
        "gzip",
        gzip.compress(b"{" + b",".join(b'"%x":[]' % n for n in range(1_200_000)) + b"}", 1),
    ),
    "the deepest nesting": lambda: ("gzip", gzip.compress(b"[" * (16 * MIB - 100), 1)),
    "one long text": lambda: (
        "gzip",
        gzip.compress(_repeated(b'{"status":"FAILED","error":"', b"<a>", b'"}'), 1),
    ),
    "one long address": lambda: (
        "gzip",
        gzip.compress(_repeated(b'{"poll_url":"https://evil.example/', b"a", b'"}'), 1),
    ),
    "one long number": lambda: ("gzip", gzip.compress(_repeated(b'{"status":', b"9", b"}"), 1)),
    "nothing but backslashes": lambda: ("gzip", gzip.compress(b"\\" * (16 * MIB - 100), 1)),
}
MOST_BYTES = 80 * MIB
"""Five times the largest answer that is read at all: as it came, decoded, without the key, and as text."""


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_answer_takes_more_memory_than_a_few_of_the_largest(bomb: str) -> None:
    encoding, body = BOMBS[bomb]()
    ended: dict[str, type[SwapError] | None] = {}

    async def main() -> None:
        for call, code in (
            ("submit", 400),
            ("submit", 200),
            ("poll", 200),
            ("upload", 200),
            ("credits", 200),
        ):
            step = Step(status=code, body=body, headers={"content-encoding": encoding})
            async with client(Scripted(**{call: step}), timeout=1.0) as segmind:
                try:
                    await _made(segmind, call)
                    ended[call] = None
                except SwapError as exc:
                    assert len(str(exc)) < 1000
                    ended[call] = type(exc)

    tracemalloc.start()
    try:
        run("asyncio", main)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES, f"{peak / MIB:.0f} MiB"
    assert ended.pop("submit") is SubmissionUnknownError
    # A poll alone may find something to read: it says that the job runs, or has failed.
    assert None not in (ended["upload"], ended["credits"])


async def _made(segmind: SwapClient, call: str) -> None:
    match call:
        case "submit":
            await segmind.submit(**PICTURES)
        case "poll":
            job = SwapJob(poll_url=poll_url(), workflow=WORKFLOW, submitted_at=datetime.now(UTC))
            await segmind.status(job)
        case "upload":
            await segmind.upload(PNG)
        case _:
            await segmind.credits()


@pytest.mark.parametrize("call", ["submit", "poll", "upload", "credits"])
def test_an_endless_answer_ends_and_takes_no_more_memory_than_a_few_of_the_largest(call: str) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for _ in request.stream:
            pass
        return httpx.Response(200, stream=Chunks(b'{"status":"QUEUED",' * 4096, endless=True))

    async def main() -> None:
        async with client(Wire(answer), timeout=1.0) as segmind:
            expected = SubmissionUnknownError if call == "submit" else ConnectionFailedError
            with pytest.raises(expected, match="larger than 16 MiB"):
                await _made(segmind, call)

    tracemalloc.start()
    try:
        run("asyncio", main)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES, f"{peak / MIB:.0f} MiB"


def test_a_body_is_unpacked_a_few_times_at_most() -> None:
    # Each layer of a body that stays large may take as long as the largest answer does.
    body = b"{}"
    for _ in range(5):
        body = gzip.compress(body)
    with pytest.raises(ValueError, match="5 times over"):
        decoded(body, ",".join(["gzip"] * 5), limit_bytes=1000)
    assert decoded(gzip.decompress(body), ",identity,".join(["gzip"] * 4), limit_bytes=1000) == b"{}"


# What is told of it


# Where a server's words go into what a person reads.
_TAKEN = {"poll_url": poll_url(), "request_id": NASTY}
NASTY_STEPS: dict[str, dict[str, Step]] = {
    "a reason": {"submit": Step(status=400, body={"error": NASTY})},
    "a body": {"submit": Step(status=400, body=b"\xff" + NASTY.encode())},
    "no acceptance": {"submit": Step(body={"oops": NASTY, "request_id": NASTY})},
    "a foreign poll_url": {"submit": Step(body={"poll_url": f"https://x.example/{NASTY}"})},
    "a request id": {"submit": Step(body=_TAKEN), "poll": Step(body={"status": "FAILED", "error": "x"})},
    "a failure": {"poll": Step(body={"status": "FAILED", "error": {"message": [NASTY]}})},
    "a state": {"poll": Step(body={"status": NASTY})},
    "no output": {"poll": Step(body={"status": "COMPLETED", "output": NASTY})},
    "an exception": {"submit": Step(error=RuntimeError(NASTY))},
    "no poll": {"poll": Step(status=500, body={"detail": NASTY})},
}


@pytest.mark.parametrize("where", NASTY_STEPS)
async def test_nothing_that_a_terminal_would_obey_is_in_an_error_or_a_log(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[str] = []

    def note(event: object) -> None:
        events.append(repr(event))

    service = Scripted(**NASTY_STEPS[where])
    async with client(service, timeout=60.0, on_event=note) as segmind:
        with pytest.raises(SwapError) as caught:
            await segmind.swap(**PICTURES)
    error = caught.value
    assert_harmless(str(error), *(getattr(error, name, None) for name in ("reason", "excerpt", "request_id")))
    if error.job is not None:
        assert_harmless(error.job.name)
    assert_harmless(*events, *(record.getMessage() for record in caplog.records))


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1/\u202e", "https://x.example/\u202etxt", "\u202e:", "//[\u2066"]
)
async def test_a_redirects_address_is_told_without_tricks(location: str) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers=[(b"location", location.encode())])

    async with client(Wire(answer)) as segmind:
        with pytest.raises(DownloadError) as caught:
            await segmind.read(SwapResult(job=a_job(), url=RESULT, outputs=(), seconds=1.0))
    assert_harmless(str(caught.value))


def _nasty_service(url: str, asked: Asked) -> Told:
    """Accepts one swap that then fails, refuses another, and may have taken a third."""
    if asked.method == "GET":
        return Told(body=json.dumps({"status": "FAILED", "error": NASTY}).encode())
    which = json.loads(asked.body).get("character_image", "")
    if "refused" in which:
        return Told(status=400, body=NASTY.encode() * 3)
    if "unknown" in which:
        return Told(body=json.dumps({"request_id": NASTY, "error": NASTY}).encode())
    told = {"poll_url": f"{url}/requests/1", "request_id": NASTY, "message": NASTY}
    return Told(body=json.dumps(told).encode(), headers={"X-Request-Id": "\u202e1".encode()})


def test_nothing_of_a_server_is_obeyed_by_the_terminal_or_the_page(tmp_path: Path) -> None:
    rows = [
        f"{name},https://p.example/hero.png,https://p.example/{name}.png"
        for name in ("failed", "refused", "unknown")
    ]
    (tmp_path / "pairs.csv").write_text("\n".join([",".join(COLUMNS), *rows]))
    out = tmp_path / "out"
    with a_parrot(_nasty_service) as service:
        env = {"SEGMIND_BASE_URL": service.url, "SEGMIND_API_KEY": KEY, "COLUMNS": "500", "NO_COLOR": "1"}
        command = ["batch", str(tmp_path / "pairs.csv"), "--out", str(out), "--poll-interval", "0.05"]
        done = CliRunner(env=env).invoke(app, command)
        told = CliRunner(env=env).invoke(app, ["status", str(out)])
        assert service.count("POST") == 3
    assert (done.exit_code, told.exit_code) == (4, 0)
    for text in (done.output, told.output):
        lines = text.splitlines()
        assert_harmless(*lines)
        assert not any(line.startswith("segmind-swap: forged") for line in lines)
    assert "[bold red]x[/]" in done.output, "markup is text"
    page = (out / "report.html").read_text()
    assert_harmless(page.replace("\n", ""))
    assert "<script" not in page
    assert "[bold red]x[/]" in page
    for line in (out / "results.jsonl").read_text().splitlines():
        fields = json.loads(line)
        assert_harmless(line, fields["error"]["message"])

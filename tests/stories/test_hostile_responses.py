"""Whatever a service answers: a value or a documented error, no second payment, and no paid job given up."""

import copy
import functools
import json
import math
import pickle
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segmind_swap import (
    AuthenticationError,
    DownloadError,
    Journal,
    JournalError,
    OutputError,
    PermissionDeniedError,
    ResponseError,
    RetryPolicy,
    StatusError,
    SubmissionUnknownError,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapJob,
    SwapResult,
    SwapStatus,
)
from segmind_swap._api.image_header import checked
from segmind_swap._api.messages import Response
from segmind_swap._api.origins import Service, origin_of
from segmind_swap._api.outputs import outputs_of, picture_in
from segmind_swap._api.responses import accepted_job, read_credits, read_status, read_upload, refusal
from segmind_swap._api.retry_after import parse_retry_after
from segmind_swap._api.text import failure_text
from segmind_swap._config import BASE_URL, WORKFLOW
from segmind_swap._errors import ConfigurationError
from segmind_swap._journal.connection import open_reader, open_writer
from segmind_swap._models import Call
from segmind_swap._outcome import OutcomeState
from segmind_swap.cli._batch.pairs_file import read_pairs
from segmind_swap.cli._tables.columns import COLUMNS

from ..support.hostility import NASTY, assert_harmless, run
from ..support.journal_rows import a_job, a_result, at, row
from ..support.scripted_service import PICTURES, PNG, RESULT, client, poll_url
from ..support.sessions import jpeg, png, webp

JOB = a_job()
SEGMIND = Service(BASE_URL)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "trio"])


def payloads() -> list[tuple[int, bytes]]:
    """Real answers, as (status, body)."""
    lines = (Path(__file__).parents[1] / "payloads" / "payloads.jsonl").read_text().splitlines()
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


@settings(max_examples=300)
@given(codes, headers, bodies)
def test_whatever_is_answered_each_reader_gives_its_value_or_its_documented_error(
    code: int, headers: dict[str, str], body: bytes
) -> None:
    answer = Response(status_code=code, headers=headers, body=body)
    assert_harmless(answer.excerpt, answer.text, answer.request_id, failure_text(body))

    job = accepted_job(SEGMIND, answer, workflow=WORKFLOW, possible_duplicates=0)
    if job is not None:
        assert answer.ok
        assert_harmless(job.name, job.request_id)
        assert SwapJob.model_validate_json(job.model_dump_json()) == job

    match _tried(lambda: read_status(answer, JOB)):
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
    delay = parse_retry_after(headers, NOW)
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
        assert SEGMIND.poll_url_problem(url) is not None
        assert SEGMIND.picture_url_problem(url) is not None
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
        assert re.match(rf"{re.escape(str(file))}:\d+: ", str(problem)), problem


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
    for opening in (open_reader, open_writer):
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
                assert ending.poll_url is None or SEGMIND.poll_url_problem(ending.poll_url) is None
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
        fields = json.loads(body)
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

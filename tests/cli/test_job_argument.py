"""The argument JOB of `wait`: what shells, terminals and people make of a job."""

import io
import json
from pathlib import Path

import pytest

from segmind_swap import ConfigurationError, SwapJob
from segmind_swap.cli import _job_argument
from segmind_swap.cli._job_argument import read_job

URL = "https://api.segmind.com/workflows/request/0e5499c60a7541dd93076d2b00000001"
JOB = SwapJob(poll_url=URL, request_id="1", workflow="w")
JOB_FIELDS = JOB.model_dump(mode="json")
RESULT = {"job": JOB_FIELDS, "url": "https://images.segmind.com/1.png", "seconds": 7.0}
LATE = {"error": "SwapTimeoutError", "message": "not done", "job": JOB_FIELDS}
OUTCOME = {"id": "a", "state": "accepted", "path": None, "job": JOB_FIELDS, "error": None}
OTHER = {**OUTCOME, "job": {**JOB_FIELDS, "poll_url": f"{URL}2"}}
LOG = "   1.2 s  uploaded a picture\n   1.4 s  accepted as 1 {not JSON}\n"

TEXTS = {
    "job.json": JOB.model_dump_json(),
    "swap --json": json.dumps(RESULT),
    "swap --json, too late": json.dumps(LATE),
    "a line of results.jsonl": json.dumps(OUTCOME),
    "indented": json.dumps(RESULT, indent=2),
    "the service's own answer": json.dumps({"poll_url": URL, "request_id": "1"}),
    "a list of one": json.dumps([RESULT]),
    "the log above": LOG + json.dumps(LATE),
    "the log above and below": LOG + json.dumps(LATE) + "\n" + LOG,
    "the URL": URL,
    "the URL in the log": f"the job is billed\n  segmind-swap wait {URL} --out a.png",
    "JSON with a wrapped line": json.dumps(LATE).replace("request/0e5499", "request/\n0e5499"),
}
ENCODINGS = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with BOM": lambda text: text.encode("utf-8-sig"),
    "UTF-16 LE with BOM, as PowerShell 5.1": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-16 BE with BOM": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 LE": lambda text: text.encode("utf-16-le"),
    "UTF-16 BE": lambda text: text.encode("utf-16-be"),
    "Latin-1": lambda text: (text + "\ncaf\u00e9").encode("latin-1"),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode() + b"\r\n",
    "a zero byte at the end": lambda text: text.encode() + b"\n\0",
    "Ctrl-Z at the end": lambda text: text.encode() + b"\r\n\x1a",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("text", TEXTS)
def test_what_a_shell_wrote_is_read_from_a_file_and_from_standard_input(
    text: str, encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = ENCODINGS[encoding](TEXTS[text])
    (file := tmp_path / "job.json").write_bytes(data)
    assert read_job(str(file)).poll_url == URL
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="ascii"))
    assert read_job("-").poll_url == URL


@pytest.mark.parametrize(
    "pasted",
    [
        f" {URL}\n",
        f'"{URL}"',
        f"'{URL}'",
        f"<{URL}>",
        f"`{URL}`",
        f"({URL}),",
        f"{URL[:40]}\n{URL[40:]}",
        f"{URL[:40]}\r\n    {URL[40:]}\r\n",
        URL.replace("https", "HTTPS"),
        JOB.model_dump_json(),
        f"  {json.dumps(LATE)}",
    ],
)
def test_what_a_person_pasted_is_read(pasted: str) -> None:
    job = read_job(pasted)
    assert job.poll_url is not None
    assert job.poll_url.replace("HTTPS", "https") == URL


def test_all_that_the_json_says_of_the_job_is_kept(tmp_path: Path) -> None:
    (file := tmp_path / "j").write_text(f"{JOB.model_dump_json()}\n{json.dumps(LATE)}\n")
    assert read_job(str(file)) == JOB


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xff\xfe", "is empty"),
        (b"hello", "is no job: give the poll URL"),
        (b"[1, 2]", "is no job"),
        (b"{" * 50_000, "is no job"),
        (b"<!DOCTYPE html><title>502</title>", "is a page of HTML"),
        (b"\x89PNG\r\n\x1a\n123", "is a PNG picture, and no job"),
        (b"\xff\xd8\xff\xe0", "is a JPEG picture, and no job"),
        (b"RIFF\0\0\0\0WEBP", "is a WebP picture, and no job"),
        (f"{json.dumps(OUTCOME)}\n{json.dumps(OTHER)}".encode(), "names 2 jobs: give the line"),
        (b'{"error": "StatusError", "message": "answered 402", "job": null}', "names no job. Its message"),
    ],
)
def test_a_file_that_is_no_job_is_told_for_what_it_is(content: bytes, words: str, tmp_path: Path) -> None:
    (file := tmp_path / "it").write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        read_job(str(file))
    assert str(caught.value).startswith(str(file))
    assert words in str(caught.value)


def test_what_is_missing_is_told_to_be_missing_and_a_folder_to_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no file 'gone.json': give the poll URL"):
        read_job("gone.json")
    with pytest.raises(ConfigurationError, match=r"is a folder: name the file of a job in it$"):
        read_job(str(tmp_path))
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "a.png.job.json").write_text(JOB.model_dump_json())
    with pytest.raises(ConfigurationError, match=r"is a folder: .* for example .*a\.png\.job\.json$"):
        read_job(str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"and no job: its job is in .*a\.png\.job\.json$"):
        read_job(str(tmp_path / "a.png"))


@pytest.mark.parametrize("argument", ["", "  ", "x" * 5000, "a\0b", "job", "ftp://x/1"])
def test_an_argument_that_is_nothing_says_what_to_give(argument: str) -> None:
    with pytest.raises(ConfigurationError, match="give the poll URL of a job, the JSON of a job, or a file"):
        read_job(argument)


def test_a_file_is_read_to_its_limit_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_job_argument, "_MAX_BYTES", 100)
    (file := tmp_path / "j").write_text(" " * 200 + JOB.model_dump_json())
    with pytest.raises(ConfigurationError, match="is empty"):
        read_job(str(file))

"""The argument JOB of `wait`: a poll URL or a job's JSON, as a person or a shell may have written it.

PowerShell 5.1 writes UTF-16. A terminal breaks a long URL into lines. Logs stand above the JSON after `2>&1`.
"""

from __future__ import annotations

import errno
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segmind_swap import ConfigurationError, SwapJob

_MAX_BYTES = 16 * 1024 * 1024
_MAX_CANDIDATES = 10_000
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_MAGIC = ((b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"RIFF", "WebP"))
_URL = re.compile(r"https?://[!#-&(-;=?-\[\]-_a-~]+", re.IGNORECASE)
_WRAPPERS = "\"'`<>()[]{},;"
_JSON = json.JSONDecoder(strict=False)
"""Not strict: a line break inside a string comes from a terminal that has wrapped the line."""
_WHAT_TO_GIVE = "give the poll URL of a job, the JSON of a job, or a file with either of them"


def read_job(argument: str) -> SwapJob:
    """The job that the argument names by a poll URL, by JSON or by a file with either; `-` is standard input.

    Raises:
        ConfigurationError: The argument names no job, or more than one job.
    """
    if argument == "-":
        return _one_job(_text_of(sys.stdin.buffer.read(_MAX_BYTES)), "standard input")
    begins = argument.strip(_WRAPPERS + " \t\r\n").lower()
    if begins.startswith(("http:", "https:")) or argument.lstrip().startswith("{"):
        return _one_job(argument, _shortened(argument))
    if not argument.strip():
        raise ConfigurationError(f"the argument JOB is empty: {_WHAT_TO_GIVE}")
    path = Path(argument)
    return _one_job(_text_of(_bytes_of(path), path), str(path))


def _bytes_of(path: Path) -> bytes:
    try:
        if path.is_dir():
            found = sorted(path.glob("*.job.json"))
            example = f", for example {found[0]}" if found else ""
            raise ConfigurationError(f"{path} is a folder: name the file of a job in it{example}")
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except FileNotFoundError:
        problem = f"there is no file {_shortened(str(path))}: {_WHAT_TO_GIVE}"
    except (OSError, ValueError) as exc:
        if isinstance(exc, OSError) and exc.errno != errno.ENAMETOOLONG:
            raise ConfigurationError(
                f"{_shortened(str(path))} cannot be read: {exc.strerror or exc}"
            ) from None
        # Too long, or with a zero byte.
        problem = f"{_shortened(str(path))} is no job, and no name of a file: {_WHAT_TO_GIVE}"
    raise ConfigurationError(problem)


def _text_of(data: bytes, path: Path | None = None) -> str:
    """The text of a file or of a pipe, in the encoding in which the shell wrote the text."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            beside = None if path is None else path.with_name(f"{path.name}.job.json")
            hint = f": its job is in {beside}" if beside is not None and beside.exists() else ""
            raise ConfigurationError(f"{path or 'standard input'} is a {name} picture, and no job{hint}")
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    # ASCII in UTF-16 without its mark: every other byte is zero.
    if data[1:2] == b"\0" or data[:1] == b"\0":
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _one_job(text: str, name: str) -> SwapJob:
    text = text.strip("\0\x1a\ufeff \t\r\n")
    if not text:
        raise ConfigurationError(f"{name} is empty: {_WHAT_TO_GIVE}")
    jobs: dict[object, SwapJob] = {}
    messages: list[str] = []
    for fields in _objects_in(text):
        job = _job_in(fields)
        if job is not None:
            jobs[job.poll_url or job.outputs] = job
        elif isinstance(fields.get("message"), str):
            messages.append(str(fields["message"]))
    if not jobs and not messages:
        jobs = {url: _job_at(url) for url in _urls_in(text)}
    if len(jobs) == 1:
        return next(iter(jobs.values()))
    if jobs:
        raise ConfigurationError(f"{name} names {len(jobs):,} jobs: give the line or the poll URL of one job")
    if messages:
        raise ConfigurationError(f"{name} names no job. Its message is: {messages[-1]}")
    if text.startswith("<") and re.match(r"<(!doctype|html|\?xml)", text, re.IGNORECASE):
        raise ConfigurationError(f"{name} is a page of HTML or XML, and no job: {_WHAT_TO_GIVE}")
    raise ConfigurationError(f"{name} is no job: {_WHAT_TO_GIVE}")


def _objects_in(text: str) -> Iterator[dict[str, Any]]:
    """The outermost JSON objects in a text, whatever stands between them."""
    at = 0
    for _ in range(_MAX_CANDIDATES):
        at = text.find("{", at)
        if at < 0:
            return
        try:
            value, at = _JSON.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
        else:
            yield value


def _job_in(fields: dict[str, Any]) -> SwapJob | None:
    """The job in an object: the object itself, or its `job`, as `swap --json` and `results.jsonl` have it."""
    found = fields["job"] if isinstance(fields.get("job"), dict) else fields
    poll_url = found.get("poll_url")
    if isinstance(poll_url, str):
        found = {"workflow": "", **found, "poll_url": "".join(poll_url.split())}
    try:
        return SwapJob.model_validate(found)
    except ValueError:
        return None


def _urls_in(text: str) -> list[str]:
    """The different URLs in a text. A text that is one URL in several lines is one URL."""
    joined = "".join(text.split()).strip(_WRAPPERS)
    is_one = all(len(line.split()) == 1 for line in text.splitlines() if line.strip())
    if is_one and joined.count("://") == 1 and _URL.fullmatch(joined):
        return [joined]
    return [*dict.fromkeys(url.rstrip(_WRAPPERS + ".") for url in _URL.findall(text))]


def _job_at(poll_url: str) -> SwapJob:
    return SwapJob(poll_url=poll_url, workflow="", submitted_at=datetime.now(UTC))


def _shortened(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:79]}…")

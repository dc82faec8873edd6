"""Every error survives pickling and copying whole, and the tree on top of the module is the real one."""

import copy
import inspect
import json
import pickle
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import segmind_swap
from segmind_swap import _errors
from segmind_swap._errors import (
    BudgetExceededError,
    ConfigurationError,
    ConnectionFailedError,
    DownloadError,
    IdConflictError,
    ImageError,
    JournalError,
    JournalInUseError,
    LimitExceededError,
    NoResultsError,
    OriginalNotDoneError,
    OutputError,
    ResponseError,
    ServiceStoppedError,
    StatusError,
    SubmissionUnknownError,
    SwapCancelledError,
    SwapError,
    SwapExpiredError,
    SwapFailedError,
    SwapTimeoutError,
    UnknownIdError,
)
from segmind_swap._models import SwapJob, SwapOutput
from segmind_swap._outcome import error_fields, error_of

JOB = SwapJob(
    poll_url="https://api.segmind.com/1",
    request_id="r-1",
    workflow="w-v7",
    possible_duplicates=1,
    outputs=(SwapOutput(data="https://a.example/a.png"),),
)


def _family(cls: type[SwapError]) -> Iterator[type[SwapError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _family(child)


ALL = sorted(set(_family(SwapError)), key=lambda cls: cls.__name__)

_STATUS: dict[str, Any] = {"status_code": 418, "reason": "no", "request_id": "r-1", "job": JOB}
ARGUMENTS: dict[type[SwapError], dict[str, Any]] = {
    SwapError: {"job": JOB},
    ConfigurationError: {"job": JOB},
    ConnectionFailedError: {"job": JOB},
    SwapExpiredError: {"job": JOB},
    ImageError: {"image": "hero.png"},
    **{cls: {"path": "run.db", "job": JOB} for cls in (JournalError, JournalInUseError)},
    BudgetExceededError: {
        "budget_usd": 25.0,
        "committed_usd": 24.9,
        "resets_at": datetime(2026, 12, 1, tzinfo=UTC),
        "job": JOB,
    },
    LimitExceededError: {"limit": "max_queued", "maximum": 3, "job": JOB},
    **{cls: {"id": "s3", "job": JOB} for cls in (IdConflictError, UnknownIdError)},
    SwapCancelledError: {"job": JOB},
    ServiceStoppedError: {
        "reason": SwapFailedError("it failed", reason="no mask"),
        "seconds": 60.0,
        "job": JOB,
    },
    NoResultsError: {
        "bound": "max_futile",
        "count": 5,
        "example_id": "s4",
        "example": SwapFailedError("it failed", reason="no mask"),
        "job": JOB,
    },
    OriginalNotDoneError: {"original_id": "s3", "original_state": "failed", "job": JOB},
    SubmissionUnknownError: {
        "status_code": 504,
        "request_id": "r-1",
        "excerpt": "gateway",
        "possible_duplicates": 2,
        "job": JOB,
    },
    ResponseError: {"status_code": 200, "excerpt": "<html>", "job": JOB},
    SwapFailedError: {"reason": "no mask", "job": JOB},
    SwapTimeoutError: {
        "seconds": 900.0,
        "last_error": ResponseError("not JSON", status_code=200, excerpt="x"),
        "job": JOB,
    },
    OutputError: {"body": b'{"output": ""}', "request_id": "r-1", "job": JOB},
    DownloadError: {"url": "https://a.example/a.png", "status_code": 404, "job": JOB},
    **dict.fromkeys(_family(StatusError), _STATUS),
}


def _described(error: BaseException) -> tuple[object, ...]:
    attributes = {
        name: _described(value) if isinstance(value, BaseException) else value
        for name, value in vars(error).items()
    }
    return type(error), error.args, str(error), attributes


def _make(cls: type[SwapError]) -> SwapError:
    error = cls("what happened: 100 % of it", **ARGUMENTS[cls])
    if "job" not in ARGUMENTS[cls]:
        error.job = JOB
    error.add_note("a note of the caller's")
    return error


def _pickled(protocol: int) -> Callable[[SwapError], SwapError]:
    def pickled(error: SwapError) -> SwapError:
        again = pickle.loads(pickle.dumps(error, protocol))
        assert isinstance(again, SwapError)
        return again

    return pickled


WAYS: dict[str, Callable[[SwapError], SwapError]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {protocol}": _pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
}


def test_the_table_has_every_error() -> None:
    assert set(ARGUMENTS) == set(ALL)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cls", ALL)
def test_every_error_survives_pickling_and_copying_with_all_it_knows(cls: type[SwapError], way: str) -> None:
    error = _make(cls)
    again = WAYS[way](error)
    assert again is not error
    assert _described(again) == _described(error)
    assert again.job == JOB
    assert str(again) == "what happened: 100 % of it"
    assert repr(again) == repr(error)


@pytest.mark.parametrize("cls", ALL)
def test_every_error_keeps_what_it_was_made_with(cls: type[SwapError]) -> None:
    error = cls("what happened", **ARGUMENTS[cls])
    assert str(error) == "what happened"
    for name, value in ARGUMENTS[cls].items():
        assert getattr(error, name) == value


@pytest.mark.parametrize("cls", ALL)
def test_every_error_has_a_job_or_none(cls: type[SwapError]) -> None:
    required = {
        name: ARGUMENTS[cls][name]
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
    }
    assert cls("what happened", **required).job is None


@pytest.mark.parametrize("cls", ALL)
def test_every_attribute_is_documented(cls: type[SwapError]) -> None:
    documented = "".join(inspect.getdoc(base) or "" for base in cls.__mro__ if issubclass(base, SwapError))
    missing = [name for name in ARGUMENTS[cls] if not re.search(rf"^ +{name}: \S", documented, re.MULTILINE)]
    assert missing == []


def test_the_tree_on_top_of_the_module_is_the_real_one() -> None:
    drawn: dict[str, str | None] = {}
    above: list[str] = []
    for line in (_errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)(\w+Error)\b", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        above = [*above[:depth], match[2]]
        drawn[match[2]] = above[-2] if depth else None
    real = {cls.__name__: next((b.__name__ for b in cls.__bases__ if b in ALL), None) for cls in ALL}
    assert drawn == real


def test_every_error_is_exported() -> None:
    assert {cls.__name__ for cls in ALL} <= set(segmind_swap.__all__)


def test_a_timeout_is_a_timeout_error_of_the_language_too() -> None:
    error = _make(SwapTimeoutError)
    assert isinstance(error, TimeoutError)
    with pytest.raises(TimeoutError) as caught:
        raise pickle.loads(pickle.dumps(error))
    assert isinstance(caught.value, SwapTimeoutError)
    assert caught.value.seconds == 900.0


def test_only_the_timeout_belongs_to_another_family_as_well() -> None:
    assert [cls.__name__ for cls in ALL if issubclass(cls, OSError)] == ["SwapTimeoutError"]


# As JSON


def _kept(error: SwapError) -> dict[str, object]:
    """What is to be the same after JSON: all but the job, another error, a moment, and notes."""
    lost = {"job", "last_error", "example", "resets_at", "__notes__"}
    if isinstance(error, ServiceStoppedError):
        lost.add("reason")
    return {name: value for name, value in vars(error).items() if name not in lost}


def _through_json(error: SwapError, job: SwapJob | None = None) -> SwapError:
    return error_of(json.loads(json.dumps(error_fields(error))), job)


@pytest.mark.parametrize("job", [JOB, None], ids=["with its job", "without"])
@pytest.mark.parametrize("cls", ALL)
def test_every_error_is_the_same_again_after_its_json(cls: type[SwapError], job: SwapJob | None) -> None:
    error = _make(cls)
    again = _through_json(error, job)
    assert type(again) is cls
    assert str(again) == str(error)
    assert again.args == error.args
    assert _kept(again) == _kept(error)
    assert again.job == job
    assert pickle.loads(pickle.dumps(again)).args == error.args


_number = st.floats(allow_nan=False, allow_infinity=False)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "message": st.text(),
    "status_code": st.integers(100, 599),
    "possible_duplicates": st.integers(0, 9),
    "seconds": _number,
    "budget_usd": _number,
    "committed_usd": _number,
    "body": st.binary(),
    "request_id": st.none() | st.text(),
}


@st.composite
def _errors_of_any_kind(draw: st.DrawFn) -> SwapError:
    cls = draw(st.sampled_from(ALL))
    names = [name for name in inspect.signature(cls).parameters if name not in {"job", "last_error"}]
    return cls(**{name: draw(_VALUES.get(name, st.text())) for name in names})


@settings(max_examples=200)
@given(_errors_of_any_kind())
def test_whatever_an_error_says_its_json_says_it_too(error: SwapError) -> None:
    again = _through_json(error)
    assert (type(again), str(again), _kept(again)) == (type(error), str(error), _kept(error))


def test_the_json_of_an_error_holds_no_job_and_no_other_error() -> None:
    fields = error_fields(_make(SwapTimeoutError))
    assert fields == {"error": "SwapTimeoutError", "message": "what happened: 100 % of it", "seconds": 900.0}
    again = error_of(fields)
    assert isinstance(again, SwapTimeoutError)
    assert again.last_error is None


def test_fields_that_an_error_does_not_have_are_passed_over_and_others_have_their_defaults() -> None:
    error = error_of({"error": "StatusError", "message": "no", "status_code": 418, "since": "version 2"})
    assert isinstance(error, StatusError)
    assert vars(error) == {"status_code": 418, "reason": "", "request_id": None, "job": None}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"error": "SwapError"},
        {"message": "no"},
        {"error": "SwapError", "message": None},
        {"error": "SwapError", "message": 7},
        {"error": "Exception", "message": "no"},
        {"error": "StatusError", "message": "without a status_code"},
        {"error": ["SwapError"], "message": "no"},
    ],
)
def test_what_is_no_error_of_ours_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is no error of this package|lacks a field"):
        error_of(fields)

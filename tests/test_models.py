"""The values users hold: frozen, comparable, and the same again after their JSON."""

import io
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from segmind_swap._errors import (
    ConfigurationError,
)
from segmind_swap._models import (
    Credits,
    ImageInput,
    LearnedRate,
    Rate,
    SwapJob,
    SwapOutput,
    SwapRequest,
    SwapResult,
    SwapState,
    SwapStatus,
)
from segmind_swap._swap.one_swap import request_of

JOB = SwapJob(
    poll_url="https://api.segmind.com/1", workflow="w-v7", submitted_at=datetime(2026, 11, 22, tzinfo=UTC)
)
OUTPUT = SwapOutput(name="image", type="image", data="https://a.example/a.png")
RESULT = SwapResult(job=JOB, url=OUTPUT.data, outputs=(OUTPUT,), seconds=71.9, path=Path("out") / "a.png")
REQUEST = SwapRequest(id="1", reference_character_image="hero.png", character_image="https://a.example/s.png")
VALUES: list[BaseModel] = [
    JOB,
    OUTPUT,
    RESULT,
    REQUEST,
    SwapStatus(state=SwapState.QUEUED),
    Credits(credits=9.84, free_credits=0.018),
    Rate(per_minute=60),
    LearnedRate(rate=Rate(), age=1.5),
]

# Round trips

_finite = st.floats(allow_nan=False, allow_infinity=False)
_zones = st.just(UTC) | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=_zones)  # noqa: DTZ001
_texts = st.text(max_size=30)
_outputs = st.builds(SwapOutput, name=_texts, type=_texts, data=_texts)
_jobs = st.builds(
    SwapJob,
    poll_url=_texts,
    request_id=st.none() | _texts,
    workflow=_texts,
    submitted_at=_moments,
    possible_duplicates=st.integers(0, 100),
    outputs=st.lists(_outputs, max_size=3).map(tuple),
)
_values = st.one_of(
    _jobs,
    st.builds(
        SwapStatus,
        state=st.sampled_from(SwapState),
        raw=_texts,
        outputs=st.lists(_outputs, max_size=3).map(tuple),
        reason=_texts,
        cost_usd=st.none() | _finite,
    ),
    st.builds(
        SwapResult,
        job=_jobs,
        url=_texts,
        outputs=st.lists(_outputs, max_size=3).map(tuple),
        seconds=_finite,
        cost_usd=st.none() | _finite,
        path=st.none() | st.text("ab/. ü", min_size=1, max_size=9).map(Path),
    ),
    st.builds(SwapRequest, id=st.none() | _texts, reference_character_image=_texts, character_image=_texts),
    st.builds(Credits, credits=_finite, free_credits=_finite),
)


@settings(max_examples=150, deadline=None, database=None)
@given(_values)
def test_every_value_is_the_same_again_after_its_json(value: BaseModel) -> None:
    again = type(value).model_validate_json(value.model_dump_json())
    assert again == value
    assert type(again) is type(value)
    assert type(value).model_validate(json.loads(json.dumps(value.model_dump(mode="json")))) == value


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_value_is_frozen_hashable_and_survives_pickling(value: BaseModel) -> None:
    name = next(iter(type(value).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(value, name, getattr(value, name))
    with pytest.raises(ValidationError, match="frozen"):
        delattr(value, name)
    again = pickle.loads(pickle.dumps(value))
    assert again == value
    assert hash(again) == hash(value)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_field_of_a_newer_version_is_ignored_in_what_is_read_back_and_refused_in_a_request(
    value: BaseModel,
) -> None:
    newer = json.dumps({**value.model_dump(mode="json"), "not_a_field": 1})
    if isinstance(value, SwapRequest):
        with pytest.raises(ValidationError, match="not_a_field"):
            SwapRequest.model_validate_json(newer)
        with pytest.raises(ValidationError, match="charcter_image"):
            SwapRequest(**{**value.model_dump(), "charcter_image": "street.png"})
    else:
        again = type(value).model_validate_json(newer)
        assert again == value
        assert "not_a_field" not in again.model_dump_json()


def test_fields_of_a_newer_version_are_ignored_at_any_depth() -> None:
    newer = json.loads(RESULT.model_dump_json())
    newer["job"]["priority"] = newer["outputs"][0]["sha256"] = newer["seed"] = "new"
    assert SwapResult.model_validate(newer) == RESULT
    assert SwapJob.model_validate({**JOB.model_dump(), "api_key": "SG_1"}) == JOB, "a key is never kept"


@pytest.mark.parametrize("word", ["PAUSED", "queued", "", None, 1])
def test_a_state_that_is_not_known_is_no_state(word: object) -> None:
    with pytest.raises(ValidationError, match="state"):
        SwapStatus.model_validate({"state": word})


# Requests


def test_both_pictures_must_be_named() -> None:
    with pytest.raises(ValidationError, match="character_image"):
        SwapRequest.model_validate({"reference_character_image": "hero.png"})
    with pytest.raises(ValidationError, match="reference_character_image"):
        SwapRequest.model_validate_json('{"character_image": "street.png"}')


@pytest.mark.parametrize("picture", [b"bytes", bytearray(b"bytes"), io.BytesIO(b"file"), object()])
@pytest.mark.parametrize("field", ["reference_character_image", "character_image"])
def test_a_picture_in_memory_is_kept_as_it_is_and_clearly_refuses_json(picture: object, field: str) -> None:
    images = {"reference_character_image": "hero.png", "character_image": "street.png", field: picture}
    request = SwapRequest(**cast("dict[str, Any]", images))
    assert getattr(request, field) is picture
    for dump in (request.model_dump_json, lambda: request.model_dump(mode="json")):
        with pytest.raises(PydanticSerializationError, match=r"cannot be written as JSON.*upload") as caught:
            dump()
        assert type(picture).__name__ in str(caught.value)


@pytest.mark.parametrize("path", [Path("in") / "hero.png", PurePosixPath("in/hero.png"), "in/hero.png"])
def test_a_path_becomes_text_and_so_goes_into_json(path: ImageInput) -> None:
    request = SwapRequest(reference_character_image=path, character_image="street.png")
    assert request.reference_character_image == str(path)
    assert SwapRequest.model_validate_json(request.model_dump_json()) == request


def test_a_mapping_with_a_mistake_is_a_configuration_error_that_names_the_field() -> None:
    good = {"reference_character_image": "hero.png", "character_image": "street.png"}
    assert request_of(**good) == SwapRequest(**cast("dict[str, Any]", good))
    mistakes: list[tuple[dict[str, object], str]] = [
        ({}, "reference_character_image"),
        ({"reference_character_image": "hero.png"}, "character_image: Field required"),
        ({**good, "charcter_image": "street.png"}, "charcter_image"),
        ({**good, "id": 7}, "id: "),
    ]
    for bad, words in mistakes:
        with pytest.raises(ConfigurationError, match=words):
            request_of(**bad)


# Jobs and states


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"poll_url": None}, "a job has a poll URL, or the outputs"),
        ({"possible_duplicates": -1}, "possible_duplicates"),
        ({"submitted_at": "2026-11-22T00:00:00"}, "timezone"),
        ({"poll_url": 7}, "poll_url"),
    ],
)
def test_a_job_that_could_never_be_waited_for_is_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SwapJob.model_validate({**JOB.model_dump(), **fields})


def test_a_job_needs_only_what_is_promised_and_knows_when_it_was_accepted() -> None:
    before = datetime.now(UTC)
    job = SwapJob(poll_url="https://api.segmind.com/1", workflow="w-v7")
    assert before <= job.submitted_at <= datetime.now(UTC)
    assert job.submitted_at.utcoffset() == timedelta(0)
    assert (job.request_id, job.possible_duplicates, job.outputs) == (None, 0, ())


def test_a_job_is_called_by_the_best_name_it_has() -> None:
    assert JOB.name == "https://api.segmind.com/1"
    assert JOB.model_copy(update={"request_id": "r-1"}).name == "r-1"
    assert SwapJob(poll_url=None, workflow="w", outputs=(OUTPUT,)).name == "(finished at once)"


def test_only_completed_and_failed_are_final() -> None:
    assert {state for state in SwapState if state.final} == {SwapState.COMPLETED, SwapState.FAILED}
    assert {str(state) for state in SwapState} == {"QUEUED", "PROCESSING", "COMPLETED", "FAILED"}


# Credits


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"credits": 9.8478, "free-credits": 0.0184921035}', (9.8478, 0.0184921035)),
        ('{"credits": 9, "free_credits": 1}', (9.0, 1.0)),
        ('{"credits": 0, "plan": {"name": "pro"}}', (0.0, 0.0)),
    ],
)
def test_credits_are_read_with_their_hyphen_and_beside_other_fields(
    text: str, expected: tuple[float, float]
) -> None:
    found = Credits.model_validate_json(text)
    assert (found.credits, found.free_credits) == expected


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_credits_are_finite(number: str) -> None:
    with pytest.raises(ValidationError):
        Credits.model_validate_json(f'{{"credits": {number}}}')


# The rate limit


RATE = Rate(per_minute=60, trying=60, stage="hold", next_try_in=40.0, reason="found by a 429")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "60/min, found by a 429; next try of more in 40 s"),
        ({"next_try_in": 0.0}, "60/min, found by a 429"),
        ({"closed_for": 12.0}, "60/min, found by a 429; a 429 holds submits back for 12 s"),
        ({"stage": "lean", "trying": 61.2}, "60/min, found by a 429; trying 61/min"),
        ({"per_minute": 1234.0, "next_try_in": None}, "1,234/min, found by a 429"),
        ({"per_minute": 7.25, "trying": 7.25, "reason": "", "next_try_in": None}, "7.25/min"),
        ({"is_guess": True}, "60/min as a first guess, found by a 429; next try of more in 40 s"),
        ({"count_polls": True}, "60/min, found by a 429; polls count, too; next try of more in 40 s"),
        ({"per_minute": None, "trying": None, "reason": ""}, "no limit found yet"),
        (
            {"per_minute": None, "trying": None, "count_polls": True, "reason": "polls count"},
            "no limit found yet, polls count",
        ),
    ],
    ids=str,
)
def test_a_rate_is_a_sentence_for_a_person(changes: dict[str, object], words: str) -> None:
    rate = RATE.model_copy(update=changes)
    assert str(rate) == words
    assert words.startswith(rate.belief)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_no_rate_can_be_believed_at_which_nothing_would_ever_leave(value: float) -> None:
    with pytest.raises(ValidationError):
        Rate(per_minute=value)


@pytest.mark.parametrize("age", [-0.001, float("nan"), float("inf")])
def test_a_learned_rate_has_an_age(age: float) -> None:
    with pytest.raises(ValidationError):
        LearnedRate(rate=RATE, age=age)

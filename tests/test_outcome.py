"""The outcome of a swap: the same again in another process, with its error, and what its state means."""

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from segmind_swap._errors import (
    DownloadError,
    OutputError,
    SubmissionUnknownError,
    SwapError,
    SwapFailedError,
)
from segmind_swap._models import (
    SwapJob,
    SwapOutput,
    SwapRequest,
    SwapResult,
)
from segmind_swap._outcome import OutcomeState, SwapOutcome

JOB = SwapJob(
    poll_url="https://api.segmind.com/1", workflow="w-v7", submitted_at=datetime(2026, 11, 22, tzinfo=UTC)
)
OUTPUT = SwapOutput(name="image", type="image", data="https://a.example/a.png")
RESULT = SwapResult(job=JOB, url=OUTPUT.data, outputs=(OUTPUT,), seconds=71.9, path=Path("out") / "a.png")
REQUEST = SwapRequest(id="1", reference_character_image="hero.png", character_image="https://a.example/s.png")

DONE = SwapOutcome(request=REQUEST, state=OutcomeState.SAVED, job=JOB, result=RESULT)
NOT_DONE: list[SwapOutcome] = [
    SwapOutcome(request=REQUEST, state=OutcomeState.PENDING),
    SwapOutcome(
        request=REQUEST,
        state=OutcomeState.UNKNOWN,
        error=SubmissionUnknownError("it may be billed", status_code=504, possible_duplicates=2),
    ),
    SwapOutcome(
        request=REQUEST,
        state=OutcomeState.FAILED,
        job=JOB,
        error=SwapFailedError("it failed", reason="no face", job=JOB),
    ),
    SwapOutcome(
        request=REQUEST,
        state=OutcomeState.FAILED,
        job=JOB,
        error=OutputError("no picture", body=b"\x00\xff{}", request_id="r-1", job=JOB),
    ),
    SwapOutcome(
        request=REQUEST,
        state=OutcomeState.COMPLETED,
        job=JOB,
        result=RESULT.model_copy(update={"path": None}),
        error=DownloadError("it could not be saved", url=OUTPUT.data, job=JOB),
    ),
]


def _told(error: SwapError | None) -> object:
    return None if error is None else (type(error), error.args, vars(error))


@pytest.mark.parametrize("outcome", [DONE, *NOT_DONE], ids=lambda outcome: outcome.state)
@pytest.mark.parametrize("way", ["JSON", "JSON as a dict", "pickle"])
def test_an_outcome_is_the_same_again_in_another_process(outcome: SwapOutcome, way: str) -> None:
    if way == "JSON":
        again = SwapOutcome.model_validate_json(outcome.model_dump_json())
    elif way == "JSON as a dict":
        again = SwapOutcome.model_validate(json.loads(json.dumps(outcome.model_dump(mode="json"))))
    else:
        again = pickle.loads(pickle.dumps(outcome))
    assert _told(again.error) == _told(outcome.error)
    without = {"error": None}
    assert again.model_copy(update=without) == outcome.model_copy(update=without)


def test_an_outcome_is_ok_when_the_picture_is_where_it_was_wanted() -> None:
    assert DONE.ok
    assert DONE.path == RESULT.path
    assert DONE.unwrap() is RESULT
    completed = SwapOutcome(request=REQUEST, state=OutcomeState.COMPLETED, result=RESULT)
    assert completed.ok


@pytest.mark.parametrize("outcome", NOT_DONE, ids=lambda outcome: outcome.state)
def test_an_outcome_that_is_not_ok_has_no_path_and_raises_what_it_ended_in(outcome: SwapOutcome) -> None:
    assert not outcome.ok
    assert outcome.path is None
    with pytest.raises(SwapError) as caught:
        outcome.unwrap()
    if outcome.error is None:
        assert str(caught.value) == "the swap was not done"
        assert caught.value.job == outcome.job
    else:
        assert caught.value is outcome.error


@pytest.mark.parametrize(
    "error",
    ["an error", 7, {}, {"error": "Exception", "message": "no"}, {"error": "StatusError", "message": "no"}],
)
def test_an_outcome_whose_error_is_none_of_ours_is_refused(error: object) -> None:
    fields = NOT_DONE[0].model_dump(mode="json") | {"error": error}
    with pytest.raises(ValidationError, match="error"):
        SwapOutcome.model_validate_json(json.dumps(fields))


@pytest.mark.parametrize("outcome", [DONE, *NOT_DONE], ids=lambda outcome: outcome.state)
def test_an_outcome_that_a_newer_version_wrote_is_read_without_what_is_new(outcome: SwapOutcome) -> None:
    newer = json.loads(outcome.model_dump_json())
    for fields in filter(None, (newer, newer["request"], newer["job"], newer["result"], newer["error"])):
        fields["not_a_field"] = {"new": 1}
    again = SwapOutcome.model_validate_json(json.dumps(newer))
    assert again.model_copy(update={"error": None}) == outcome.model_copy(update={"error": None})
    assert _told(again.error) == _told(outcome.error)


@pytest.mark.parametrize("word", ["unreachable", "PENDING", "", None])
def test_an_outcome_in_a_state_that_is_not_known_is_refused_and_never_pending(word: object) -> None:
    with pytest.raises(ValidationError, match="state"):
        SwapOutcome.model_validate({**NOT_DONE[0].model_dump(mode="json"), "state": word})


def test_an_outcome_of_pictures_in_memory_refuses_json_clearly() -> None:
    request = SwapRequest(reference_character_image=b"bytes", character_image="street.png")
    with pytest.raises(PydanticSerializationError, match="cannot be written as JSON"):
        SwapOutcome(request=request, state=OutcomeState.PENDING).model_dump_json()


def test_the_words_for_a_state_are_the_same_everywhere() -> None:
    assert [str(state) for state in OutcomeState] == [state.name.lower() for state in OutcomeState]


def test_each_state_means_one_thing_to_a_run_and_to_the_money() -> None:
    table = {
        state: (state.needs_submit(), state.is_resumed, state.is_settled, state.may_cost, state.is_done)
        for state in OutcomeState
    }
    for state, (submits, resumes, settled, may_cost, done) in table.items():
        assert submits + resumes + settled == 1, f"a run does one thing with {state}"
        assert not (may_cost and done), f"{state} is paid, or may still have to be paid"
        assert state.is_free is (state in {OutcomeState.PENDING, OutcomeState.REJECTED})
    assert [state for state in OutcomeState if state.needs_submit(retry_failed=True)] == [
        OutcomeState.PENDING,
        OutcomeState.REJECTED,
        OutcomeState.FAILED,
    ]

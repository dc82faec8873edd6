"""One input is submitted until there is a job: what failed before anything was sent is repeated."""

import copy

import pytest

from segmind_swap import OutcomeState, PermissionDeniedError, StatusError
from segmind_swap._batch.submit_input import with_message
from segmind_swap.emulator import Fault

from ..support.batches import emulator, run, states, swap_of
from ..support.sessions import png

S = OutcomeState


def test_an_error_with_another_message_is_the_same_in_all_else() -> None:
    error = PermissionDeniedError("no", status_code=403, reason="blocked", request_id="r")
    renamed = with_message(error, "the picture: no")
    assert isinstance(renamed, StatusError)
    assert (str(renamed), renamed.status_code, renamed.reason, renamed.request_id) == (
        "the picture: no",
        403,
        "blocked",
        "r",
    )
    assert str(error) == "no"
    assert str(copy.copy(renamed)) == "the picture: no"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
async def test_an_upload_that_is_not_answered_for_a_while_costs_time_and_no_input(status: int) -> None:
    service = emulator(faults=[Fault(on="upload", status=status, times=12)])
    (outcome,) = await run(service, [swap_of(0, character_image=png())])
    assert outcome.state is S.COMPLETED
    assert service.count("submit") == 1


async def test_a_picture_that_is_refused_costs_no_submit() -> None:
    service = emulator(faults=[Fault(on="upload", status=403)])
    assert states(await run(service, [swap_of(0, character_image=png())])) == {"rejected": 1}
    assert service.count("submit") == 0

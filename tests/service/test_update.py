"""`SwapUpdate`: which state is final, and what of an order it tells."""

import pytest

from segmind_swap import DownloadError, OutcomeState, SwapUpdate
from segmind_swap._service.update import is_final, update_of

from ..support.orders import order

S = OutcomeState
ERROR = DownloadError("it could not be fetched", url="https://pictures.example/a.png")


@pytest.mark.parametrize("are_saved", [True, False])
@pytest.mark.parametrize("state", S)
def test_a_state_is_final_if_the_service_does_nothing_more(state: OutcomeState, are_saved: bool) -> None:
    ends = {S.SAVED, S.UNREADABLE, S.REJECTED, S.UNKNOWN, S.FAILED, S.EXPIRED, S.ABANDONED}
    if not are_saved:
        ends.add(S.COMPLETED)
    assert is_final(order(state=state), are_saved=are_saved) is (state in ends)


def test_a_picture_that_could_not_be_fetched_for_the_last_time_is_final() -> None:
    assert is_final(order(state=S.COMPLETED, error=ERROR), are_saved=True)


def test_an_update_is_the_same_again_after_its_json() -> None:
    update = update_of(order(state=S.COMPLETED, error=ERROR), are_saved=True)
    again = SwapUpdate.model_validate_json(update.model_dump_json())
    assert again.model_copy(update={"error": None}) == update.model_copy(update={"error": None})
    assert isinstance(again.error, DownloadError)
    assert again.error.url == ERROR.url

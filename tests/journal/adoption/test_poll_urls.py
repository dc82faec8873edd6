"""A poll URL that a person gives is that of a job which no other row has."""

import pytest

from segmind_swap import Journal, JournalError, OutcomeState
from segmind_swap._config import BASE_URL

from ...support.journal_rows import a_job, a_result, begun, row

S = OutcomeState


@pytest.mark.parametrize("poll_url", [a_job(777_777).poll_url, f"{BASE_URL}/status/777777?full=1"])
def test_the_address_of_a_job_that_another_swap_has_is_refused(poll_url: str) -> None:
    journal = Journal(":memory:")
    store = begun(journal.open_writer())
    row(store, "a", state=S.UNKNOWN, posts=1)
    row(store, "b", state=S.SAVED, posts=1, job=a_job(777_777), result=a_result(777_777))
    store.close()
    with pytest.raises(JournalError, match=r"is that of the job of 'b', version 1: give the URL of the job"):
        journal.wait_again("a", poll_url=poll_url)
    assert [outcome.state for outcome in journal.outcomes()] == [S.UNKNOWN, S.SAVED]
    journal.wait_again("a", poll_url=f"{BASE_URL}/workflows/request/99")
    assert [outcome.state for outcome in journal.outcomes()] == [S.ACCEPTED, S.SAVED]


def test_a_poll_url_of_another_service_is_refused() -> None:
    journal = Journal(":memory:")
    store = begun(journal.open_writer())
    row(store, "a", state=S.UNKNOWN, posts=1)
    store.close()
    with pytest.raises(JournalError, match=r"cannot be used"):
        journal.wait_again("a", poll_url="https://elsewhere.example/workflows/request/99")

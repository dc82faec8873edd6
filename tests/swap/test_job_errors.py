"""Errors about a job have the job: a paid swap can always be found again."""

import pytest

from segmind_swap import ConfigurationError, SwapError
from segmind_swap._swap.job_errors import errors_of

from ..support.journal_rows import a_job


def test_an_error_that_does_not_know_the_job_gets_it() -> None:
    error = ConfigurationError("the client was closed")
    with pytest.raises(ConfigurationError) as caught, errors_of(a_job(1)):
        raise error
    assert caught.value is error
    assert caught.value.job == a_job(1)


def test_an_error_that_has_a_job_keeps_it() -> None:
    with pytest.raises(SwapError) as caught, errors_of(a_job(1)):
        raise SwapError("about another job", job=a_job(2))
    assert caught.value.job == a_job(2)


@pytest.mark.parametrize("error", [ValueError("a mistake"), KeyboardInterrupt()])
def test_other_exceptions_pass_as_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, errors_of(a_job(1)):
        raise error
    assert caught.value is error
    assert not hasattr(caught.value, "job")

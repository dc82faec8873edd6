"""A fault in one line."""

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap.emulator import Fault, parse_fault
from segmind_swap.emulator._faults.description import describe_calls


@pytest.mark.parametrize(
    ("text", "fault", "words"),
    [
        ("poll:502:10%", Fault(on="poll", status=502, probability=0.1), "10% of calls"),
        ("poll:10%:502", Fault(on="poll", status=502, probability=0.1), "10% of calls"),
        ("submit:#3:cut", Fault(on="submit", calls=(3,), cut="after-body"), "call 3"),
        ("submit:#1,4:504:billed", Fault(on="submit", calls=(1, 4), status=504, accepts=True), "calls 1, 4"),
        ("submit:cut:unbilled", Fault(on="submit", cut="after-body", accepts=False), "every call"),
        ("poll:#3-7:html", Fault(on="poll", calls=range(3, 8), malformed="html"), "calls 3 to 7"),
        ("poll:#3-:html", Fault(on="poll", calls=range(3, sys.maxsize), malformed="html"), "calls 3 on"),
        ("file:404:x2", Fault(on="file", status=404, times=2), "2 times"),
        ("file:cut-before-body:x1", Fault(on="file", cut="before-body", times=1), "once"),
        ("upload:cut-mid-answer", Fault(on="upload", cut="mid-answer"), "every call"),
        ("credits:1.5s", Fault(on="credits", delay=1.5), "every call"),
        ("poll:503:10s-20s", Fault(on="poll", status=503, window=(10, 20)), "10 to 20 s"),
        ("poll:503:2.5s-", Fault(on="poll", status=503, window=(2.5, float("inf"))), "from 2.5 s on"),
        (
            " submit : 429 : retry-after=2 : 50% : #1-9",
            Fault(on="submit", status=429, headers={"retry-after": "2"}, probability=0.5, calls=range(1, 10)),
            "calls 1 to 9, 50% of them",
        ),
    ],
)
def test_a_line_says_what_happens_and_when(text: str, fault: Fault, words: str) -> None:
    assert parse_fault(text) == fault
    assert describe_calls(fault) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is no kind of call; there are submit, poll"),
        ("pol:502", "'pol' is no kind of call"),
        ("poll", "the fault would do nothing"),
        ("poll:", "'' is not understood; there are a status"),
        ("poll:5x2", "'5x2' is not understood"),
        ("poll:099", "'099' is not understood"),
        ("poll:502:503", "'503' gives status a second time"),
        ("poll:502:cut", "status and cut exclude each other"),
        ("poll:502:150%", "probability is from 0 to 1"),
        ("poll:502:x0", "times is at least 1"),
        ("poll:502:20s-10s", "window is a start and a later end"),
        ("poll:cut:retry-after=2", "body and headers need a status"),
        ("submit:cut-before-body:billed", "a cut before the body starts no job"),
        ("poll:status 502", "'status 502' is not understood"),
    ],
)
def test_a_line_that_is_no_fault_is_told_by_its_part(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"^fault ") as caught:
        parse_fault(text)
    assert words in str(caught.value)
    assert repr(text) in str(caught.value)


parts = st.sampled_from(
    [
        "poll",
        "submit",
        "502",
        "cut",
        "html",
        "#3",
        "#3-1",
        "10%",
        "x2",
        "2s",
        "1s-2s",
        "a=b",
        "billed",
        "#",
        "%",
    ]
)


@given(st.one_of(st.text(), st.lists(parts).map(":".join)))
def test_any_line_is_a_fault_or_refused_in_a_sentence(text: str) -> None:
    found: Any
    try:
        found = parse_fault(text)
    except ValueError as problem:
        found = problem
        assert str(problem).startswith("fault ")
    assert isinstance(found, Fault | ValueError)

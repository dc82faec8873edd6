"""A request: its path is words to compare, and no path of a file."""

import pytest

from segmind_swap._review.serving.messages import Request


@pytest.mark.parametrize(
    ("target", "segments", "query"),
    [
        ("/t/", ["t"], ""),
        ("/t/picture/3?abc=1", ["t", "picture", "3"], "abc=1"),
        ("/t/../../etc/passwd", ["t", "..", "..", "etc", "passwd"], ""),
        ("/", [""], ""),
    ],
)
def test_a_target_is_split_and_nothing_else(target: str, segments: list[str], query: str) -> None:
    request = Request(method="GET", target=target, headers={})
    assert (request.segments, request.query) == (segments, query)

"""Bodies of requests. A paid one knows whether it has left, it can be called back, and it leaves once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable


class OneShotBody:
    """Yields all but the last byte, then the last, noting just before that it may now be on its way.

    Which exception a transport raises does not tell whether a request had left: only its own body knows. With
    a Content-Length no server can act on the request before the last byte.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._withheld = False
        self._released = False

    def __len__(self) -> int:
        return len(self._content)

    @property
    def sent(self) -> bool:
        """Whether the last byte may have left this process."""
        return self._released

    def revoke(self) -> bool:
        """Calls the body back. False, and without effect, if the last byte may have left."""
        self._withheld = True
        return not self._released

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Parts([self._all_but_the_last, self._the_last])

    def _all_but_the_last(self) -> bytes:
        self._refuse_a_second_time()
        return self._content[:-1]

    def _the_last(self) -> bytes:
        self._refuse_a_second_time()
        if self._withheld:
            raise RuntimeError("nobody waits for this request any more")
        self._released = True
        return self._content[-1:]

    def _refuse_a_second_time(self) -> None:
        if self._released:
            raise RuntimeError("a paid request must not be sent twice, and its body has left already")


class ReplayableBody:
    """Yields all at once, as often as a transport asks for it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Parts([lambda: self._content])


class _Parts(AsyncIterator[bytes]):
    """One pass over a body. Not a generator: a transport may drop it half-way without closing it."""

    def __init__(self, parts: list[Callable[[], bytes]]) -> None:
        self._parts = parts

    async def __anext__(self) -> bytes:
        if not self._parts:
            raise StopAsyncIteration
        return self._parts.pop(0)()

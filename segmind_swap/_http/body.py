"""Request bodies. A paid request's body is sent once, records whether it was sent, and can be revoked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable


class OneShotBody:
    """Yields all bytes but the last, then the last byte, and marks itself as sent just before the last byte.

    A transport's exception does not show if the request was sent; only the body records this. The request has
    a Content-Length, so a server cannot act on the request before it has the last byte.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._revoked = False
        self._sent = False

    def __len__(self) -> int:
        return len(self._content)

    @property
    def sent(self) -> bool:
        """Whether the last byte may have left this process."""
        return self._sent

    def revoke(self) -> bool:
        """Prevents the last byte from being sent. Returns False if the last byte may be sent already."""
        self._revoked = True
        return not self._sent

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Parts([self._all_but_the_last, self._the_last])

    def _all_but_the_last(self) -> bytes:
        self._refuse_resend()
        return self._content[:-1]

    def _the_last(self) -> bytes:
        self._refuse_resend()
        if self._revoked:
            raise RuntimeError("nobody waits for this request any more")
        self._sent = True
        return self._content[-1:]

    def _refuse_resend(self) -> None:
        if self._sent:
            raise RuntimeError("a paid request must not be sent twice, and its body was sent already")


class ReplayableBody:
    """Yields the whole content, as often as a transport asks for it. For free requests."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __len__(self) -> int:
        return len(self._content)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Parts([lambda: self._content])


class _Parts(AsyncIterator[bytes]):
    """One pass over a body. No generator, because a transport may drop a generator without closing it."""

    def __init__(self, parts: list[Callable[[], bytes]]) -> None:
        self._parts = parts

    async def __anext__(self) -> bytes:
        if not self._parts:
            raise StopAsyncIteration
        return self._parts.pop(0)()

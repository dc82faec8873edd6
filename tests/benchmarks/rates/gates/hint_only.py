"""A client that only obeys: after a 429, everything waits for the time that was named, else for a second."""

import itertools

import anyio

from segmind_swap._models import Call
from segmind_swap._protocols.gate import Admission

AT_ONCE = 8
"""Submits in flight, as a small pool of connections would allow: else hundreds of 429s come at once."""
_UNTOLD = 1.0


class HintOnlyGate:
    """Nothing is learnt, and nothing is paced."""

    counts_polls = False

    def __init__(self, seed: int) -> None:
        self._opens_at = 0.0
        self._submits = anyio.Semaphore(AT_ONCE)
        self._numbers = itertools.count()

    def closed_for(self, call: Call) -> float:
        return 0.0 if call is Call.DOWNLOAD else max(0.0, self._opens_at - anyio.current_time())

    async def admit(self, call: Call) -> Admission:
        if call is Call.SUBMIT:
            await self._submits.acquire()
        try:
            while (now := anyio.current_time()) < self._opens_at:  # noqa: ASYNC110 - it may be moved
                await anyio.sleep_until(self._opens_at)
        except BaseException:
            self._give_back(call)
            raise
        return Admission(call, next(self._numbers), 0, now)

    def rate_limited(self, admission: Admission, retry_after: float | None) -> float:
        wait = _UNTOLD if retry_after is None else retry_after
        self._opens_at = max(self._opens_at, anyio.current_time() + wait)
        return self.closed_for(admission.call)

    def answered(self, admission: Admission) -> None:
        pass

    def release(self, admission: Admission) -> None:
        self._give_back(admission.call)

    def _give_back(self, call: Call) -> None:
        if call is Call.SUBMIT:
            self._submits.release()

"""Which calls a fault hits."""

import random
import time


class Calls:
    """A container of call numbers that counts those it was found to hold."""

    def __init__(self) -> None:
        self.hit = 0

    def __contains__(self, number: object) -> bool:
        assert isinstance(number, int)
        found = self.chooses(number)
        self.hit += found
        return found

    def chooses(self, number: int) -> bool:
        """Whether this call is one of them."""
        raise NotImplementedError


class Every(Calls):
    """Every n-th call."""

    def __init__(self, n: int = 6) -> None:
        super().__init__()
        self._n = n

    def chooses(self, number: int) -> bool:
        return number % self._n == 0


class First(Calls):
    """The first calls."""

    def __init__(self, count: int = 1) -> None:
        super().__init__()
        self._count = count

    def chooses(self, number: int) -> bool:
        return number <= self._count


class Only(Calls):
    """The calls with these numbers."""

    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self._numbers = numbers

    def chooses(self, number: int) -> bool:
        return number in self._numbers


class During(Calls):
    """All calls in a stretch of time that begins with the first."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._until: float | None = None

    def chooses(self, number: int) -> bool:
        now = time.monotonic()
        if self._until is None:
            self._until = now + self._seconds
        return now < self._until


class Share(Calls):
    """A share of all calls, drawn by their numbers alone."""

    def __init__(self, share: float, seed: str) -> None:
        super().__init__()
        self._share = share
        self._seed = seed

    def chooses(self, number: int) -> bool:
        return random.Random(f"{self._seed}/{number}").random() < self._share

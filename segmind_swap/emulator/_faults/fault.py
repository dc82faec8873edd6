"""A fault as a value: what goes wrong on purpose, and for which calls."""

import random
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from .._service.calls import Kind
from .._service.responses import STATUSES_WITHOUT_BODY
from .encoding import Encoding

Malformed = Literal["html", "truncated", "empty", "list", "not-utf8"]
"""How the body of a response with status 200 is unusable."""

Cut = Literal["before-body", "after-body", "mid-answer"]
"""Where the connection is cut."""

GATEWAY = frozenset({502, 503, 504})
"""The statuses of a gateway, after which the client cannot know whether the job was started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with some calls of one kind. The first fault that matches a call is used.

    A fault takes precedence over the key check and the rate limit.

    - ``on``: the kind of call.
    - ``calls``: the numbers of the calls that are hit, counted from 1 for this kind. None: any call.
    - ``probability``: the share of those calls that is hit, from 0 to 1. The choice depends only on the
      emulator's seed, on the fault's place and on the call's number, not on how tasks interleave.
    - ``window``: (start, end) in seconds on the emulator's clock. Calls between them are hit. A fault of the
      start counts from the first call; a fault that is added later counts from then.
    - ``times``: the number of calls that are hit before the fault is used up and withdrawn. None: no limit.
    - ``delay``: seconds, in the time of the event loop, by which the response or the cut is delayed. The call
      is handled before the delay, as by a slow server: a client that gives up meanwhile has paid for its job.
    - ``status``: the status of the response. ``body`` (bytes or text as they are, a dict or list as JSON) and
      ``headers`` replace what the API would send. Bytes are sent as JSON unless ``headers`` says otherwise.
    - ``malformed``: the response has status 200 and a body that cannot be used. "truncated" is the first half
      of a correct body.
    - ``encoding``: how the body is written, an `Encoding`. The content is that of the API, or of ``status``.
    - ``cut``: the connection is closed "before-body" (the request's body is not read), "after-body" (the body
      is read, and no byte is sent), or "mid-answer" (status, headers and half of the body are sent).
    - ``accepts``: whether a submit starts its job, and bills it, although the fault hits its response. The
      submit must be one that is accepted without the fault. By default a ``status`` starts no job (502, 503
      and 504 do if the emulator's ``gateway_bills`` is true), "before-body" never starts a job, and every
      other fault does.

    Raises:
        ValueError: the fields contradict each other, or the fault would do nothing.
    """

    on: Kind
    calls: Container[int] | None = None
    probability: float | None = None
    window: tuple[float, float] | None = None
    times: int | None = None
    delay: float = 0.0
    status: int | None = None
    body: bytes | str | dict[str, Any] | list[Any] | None = None
    headers: Mapping[str, str] | None = None
    malformed: Malformed | None = None
    encoding: Encoding | None = None
    cut: Cut | None = None
    accepts: bool | None = None

    def __post_init__(self) -> None:
        effects = [name for name in ("status", "malformed", "cut") if getattr(self, name) is not None]
        overridden = self.body is not None or self.headers is not None
        _require_word("on", self.on, get_args(Kind))
        _require_word("malformed", self.malformed, (None, *get_args(Malformed)))
        _require_word("encoding", self.encoding, (None, *get_args(Encoding)))
        _require_word("cut", self.cut, (None, *get_args(Cut)))
        _raise_if(len(effects) > 1, f"{' and '.join(effects)} exclude each other")
        _raise_if(
            not effects and not self.delay and self.encoding is None,
            "the fault would do nothing: give delay, status, malformed, encoding or cut",
        )
        _raise_if(not isinstance(self.calls, Container | None), "calls are several numbers, such as (3, 5)")
        _raise_if(not self.delay >= 0, f"delay is in seconds and not negative, not {self.delay!r}")
        _raise_if(
            self.probability is not None and not 0 <= self.probability <= 1, "probability is from 0 to 1"
        )
        _raise_if(self.times is not None and self.times < 1, f"times is at least 1, not {self.times!r}")
        if self.window is not None:
            start, end = self.window
            _raise_if(
                not 0 <= start < end, f"window is a start and a later end in seconds, not {self.window!r}"
            )
        _raise_if(self.status is not None and not 200 <= self.status <= 599, "status is from 200 to 599")
        _raise_if(overridden and self.status is None, "body and headers need a status")
        _raise_if(
            self.status in STATUSES_WITHOUT_BODY and self.body is not None,
            f"an answer {self.status} has no body",
        )
        _raise_if(self.cut == "before-body" and self.accepts is True, "a cut before the body starts no job")
        _raise_if(
            not effects and self.accepts is False, "a delay or an encoding alone does not refuse a submit"
        )

    def hits(self, number: int, *, seed: str, seconds: float = 0.0) -> bool:
        """Whether the fault hits the call of this number, ``seconds`` after the fault was added.

        ``seed`` seeds the random choice of a fault with a probability.
        """
        if self.window is not None and not self.window[0] <= seconds < self.window[1]:
            return False
        if self.calls is not None and number not in self.calls:
            return False
        if self.probability is None:
            return True
        return random.Random(f"{seed}/{number}").random() < self.probability  # noqa: S311 -- not cryptography

    @property
    def handled(self) -> bool:
        """Whether the API handles the call before the fault hits the response."""
        if self.on != "submit" or self.accepts is None:
            return self.status is None and self.cut != "before-body"
        return self.accepts

    @property
    def undecided(self) -> bool:
        """Whether the emulator's ``gateway_bills`` decides if the job starts."""
        return self.on == "submit" and self.accepts is None and self.status in GATEWAY

    @property
    def hides_answer(self) -> bool:
        """Whether the client cannot learn from the response what the API did with its call."""
        return self.status is not None or self.malformed is not None or self.cut is not None

    def __str__(self) -> str:
        words = [f"{self.delay:g} s late"] if self.delay else []
        words += [f"status {self.status}"] if self.status is not None else []
        words += [f"malformed {self.malformed}"] if self.malformed is not None else []
        words += [f"encoding {self.encoding}"] if self.encoding is not None else []
        words += [f"cut {self.cut}"] if self.cut is not None else []
        return ", ".join(words)


def _require_word(name: str, value: str | None, words: tuple[str | None, ...]) -> None:
    _raise_if(value not in words, f"{name} must be one of {', '.join(filter(None, words))}, not {value!r}")


def _raise_if(wrong: bool, problem: str) -> None:
    if wrong:
        raise ValueError(f"Fault: {problem}")

"""The rules of the rate limit: what is believed of the account's limit, and when the next request may leave.

The limit is not published, and it changes. Five ideas:

1. An episode of 429s is judged, and not one 429. If the first trial after a 429 passes at once, the 429 was
   isolated, and changes nothing unless it recurs.
2. An episode in which the limit was used up brackets the limit: at most the requests that were accepted in
   the minute before the last 429, and at least those in the minute before the first one that was accepted
   again. The believed rate moves only if it lies outside.
3. A 429 in a time when no other request waited says nothing about the limit.
4. More is always tried: after a minute at the believed rate a little more for a minute, then more and more.
5. Submits and polls have a closure each, until it has shown that polls use up the limit, too.
"""

from __future__ import annotations

import math

from ..._config import RateLimit, RetryPolicy
from ..._models import Call
from . import closure as closures
from . import poll_evidence
from .episode import at_least, conclude, more_than
from .state import MINUTE, Closure, RateState, Stage, add, count, first_after

_DOUBLING = 5.0
_SAMPLE = 10.0
_BUSY = 0.9
_CAUTIOUS = 8
_MANY = 60
_MOST_DOUBLINGS = 7
# A request that leaves late by at most this does not delay the requests after it.
_SLACK = 0.05
# After a minute that isolated 429s have cost more than this share, requests leave at shorter intervals.
_BEHIND = 0.98
_HURRY = 0.9
# The begin of a window is known well enough.
_NARROW = 0.3


class RateRules:
    """The rules, applied to one state. All moments are seconds on the caller's clock, and never go back.

    Attributes:
        state: All that is known. It may be replaced by a state that was read elsewhere.
    """

    def __init__(self, given: RateLimit, retry: RetryPolicy) -> None:
        """Begins with what the user has given. The clock begins with the first request.

        Args:
            given: What the user knows. `requests_per_minute` is never exceeded; `start_at` is only believed.
            retry: The first wait after a 429 without a hint, and a bound for the longest.
        """
        self._given = given.requests_per_minute
        self._retry = retry
        self.state: RateState = RateState(rate=self._given, count_polls=given.count_polls)
        if given.start_at is not None:
            self.believe(given.start_at, reason="given to start at")

    def believe(self, rate: float, *, reason: str, is_guess: bool = False) -> None:
        """Starts from a rate that was learned elsewhere.

        Args:
            rate: Requests a minute.
            reason: Where the rate comes from.
            is_guess: Whether the first 429s decide, whatever the rate is.
        """
        self.state.is_guess = is_guess
        self.state.believe(rate, reason, at_most=self._given)

    def believe_polls_count(self, now: float, *, until: float) -> None:
        """Starts from the belief that polls use up the limit, which was learned elsewhere, until a time."""
        if not self.state.count_polls and until > now:
            self._share(now)
            self.state.count_until = until
            self.state.tell("polls count, as an earlier client has learned")

    def counts(self, call: Call) -> bool:
        """Whether a request of this kind uses up the limit, as far as known."""
        return call is Call.SUBMIT or (call is Call.POLL and self.state.count_polls)

    def closure(self, call: Call) -> Closure:
        """The closure of a kind of call. Submits and polls share one while polls count."""
        return self.state.closures[Call.SUBMIT if self.counts(call) else call]

    def ready_at(self, call: Call, now: float) -> float:
        """When the next request of this kind may leave."""
        self._end_lease(now)
        opens_at = self.closure(call).opens_at
        if self.state.rate is None or not self.counts(call):
            return opens_at
        return max(opens_at, self.state.next_at)

    def most_in_flight(self, call: Call, now: float, *, before_growth: int = 0) -> float:
        """How many requests of this kind may be unanswered, so that few meet a 429 together.

        Args:
            call: The kind of request.
            now: The current time.
            before_growth: How many such requests were unanswered when the stage GROW began.
        """
        state = self.state
        if not self.counts(call):
            return _CAUTIOUS if call is Call.POLL and now < state.careful_until else math.inf
        if state.rate is None:
            return float(_CAUTIOUS * 2**state.doublings)
        if state.stage is Stage.GROW:
            # If answers are slow, more requests that are accepted need more unanswered ones.
            grown = max(1.0, self._sampled(now) / state.rate)
            return before_growth * grown + _CAUTIOUS
        return math.inf

    @property
    def is_at_most(self) -> bool:
        """Whether the believed rate is the one that the user has given, so that no more is tried."""
        rate = self.state.rate
        return self._given is not None and rate is not None and rate >= self._given

    @property
    def trying(self) -> float | None:
        """The requests a minute at which requests leave now; None for no pace."""
        rate = self.state.rate
        return None if rate is None else min(rate + self.state.extra, self._given or math.inf)

    def leaves(self, call: Call, now: float, *, others_wait: bool) -> None:
        """Notes that a request leaves, and when the next one may leave.

        Args:
            call: The kind of request.
            now: The current time.
            others_wait: Whether another request that counts waits to leave.
        """
        self._end_lease(now)
        if not self.counts(call):
            return
        state = self.state
        if state.first_at is None:
            state.first_at = state.since = state.busy_since = now
            state.phase = state.used_up_at = now
        state.is_busy = others_wait
        if not others_wait:
            state.busy_since = now
        if state.rate is None:
            self._widen_unknown(now)
            return
        self._try_more(now)
        interval = MINUTE / (self.trying or math.inf)
        if self._is_behind(now):
            interval = max(_HURRY * interval, MINUTE / (self._given or math.inf))
        state.next_at = max(state.next_at, now - _SLACK) + (1.0 + state.shift) * interval
        state.shift = 0.0

    def limited(
        self,
        call: Call,
        *,
        left_at: float,
        epoch: int,
        now: float,
        hint: float | None,
        jitter: float = 1.0,
    ) -> float:
        """Closes the way after a 429. Returns the seconds until requests of this kind leave again.

        Args:
            call: The kind of request.
            left_at: When the request had left.
            epoch: The `epoch` of its closure at that time.
            now: The current time.
            hint: Seconds that the server asked to wait; None if it named no time.
            jitter: A factor for waits without a hint, from 1.0 to 1.2.
        """
        self._end_lease(now)
        state, closure = self.state, self.closure(call)
        state.limited_at = now
        is_news = epoch == closure.epoch
        if is_news:
            if not closure.is_open_episode:
                closure.was_busy = state.is_busy
                closure.passed_at = first_after(state.submits, left_at)
            closures.fail(
                closure,
                left_at=left_at,
                now=now,
                hint=hint,
                rate=state.rate,
                window_at=self._next_window(now),
                retry=self._retry,
                jitter=jitter,
            )
        else:
            closures.prolong(closure, now=now, hint=hint)
        self._note_evidence(call, left_at, now, is_news=is_news)
        return self.closure(call).opens_at - now

    def accepted(self, call: Call, *, left_at: float, epoch: int, now: float) -> None:
        """Notes a complete response that is no 429.

        Args:
            call: The kind of request.
            left_at: When the request had left.
            epoch: The `epoch` of its closure at that time.
            now: The current time.
        """
        self._end_lease(now)
        if call is Call.SUBMIT or call is Call.POLL:
            self._note_accepted(call, left_at)
        if self.counts(call):
            self.state.latency = now - left_at
        closure = self.closure(call)
        if epoch != closure.epoch:
            return
        closures.widen(closure)
        if not closure.is_open_episode:
            return
        closure.is_open_episode = False
        if self.counts(call):
            conclude(self.state, closure, left_at, given=self._given)
        elif call is Call.POLL and poll_evidence.closure_shows_it(self.state.evidence, closure, left_at):
            self._count_polls(now)

    def _is_behind(self, now: float) -> bool:
        """Whether isolated 429s alone have cost a busy minute more than a few of its requests."""
        state = self.state
        was_busy = max(state.busy_since, state.used_up_at) <= state.answered_until(now) - MINUTE
        return was_busy and state.accepted_lately(MINUTE, now) < _BEHIND * (self.trying or 0.0)

    # What is tried above the believed rate

    def _try_more(self, now: float) -> None:
        state = self.state
        assert state.rate is not None  # noqa: S101 - asked only while there is a rate
        if self.is_at_most:
            return
        wants_more = state.is_busy and state.accepted_lately(MINUTE, now) >= _BUSY * state.rate
        match state.stage:
            case Stage.HOLD if wants_more and (state.is_guess or now - state.since >= state.hold):
                state.begin_lean(now, extra=more_than(state))
            case Stage.LEAN if now - state.since >= MINUTE:
                if wants_more:
                    state.begin_growth(now, extra=more_than(state))
                else:
                    state.begin_hold(now)
            case Stage.GROW if state.is_busy:
                # At most twice what is accepted: requests that wait for something else show nothing.
                most = 2.0 * max(self._sampled(now), state.rate) - state.rate
                state.extra = min(state.extra * 2.0 ** ((now - state.grown_at) / _DOUBLING), most)
                state.grown_at = now
            case Stage.GROW:
                more = state.rate + state.extra
                state.believe(more, "more was accepted, until nobody waited", at_most=self._given)
                state.begin_hold(now)
            case _:
                pass

    def _widen_unknown(self, now: float) -> None:
        """Doubles the bound after each busy minute of many accepted requests: there may be no limit.

        Where few are accepted, the service is slow, and more of them at once would only meet a 429 together.
        """
        state = self.state
        bound = _CAUTIOUS * 2**state.doublings
        if (
            state.doublings < _MOST_DOUBLINGS
            and now - max(state.busy_since, state.doubled_at) >= MINUTE
            and state.accepted_lately(MINUTE, now) >= max(bound, _MANY)
        ):
            state.doublings += 1
            state.doubled_at = now

    def _sampled(self, now: float) -> float:
        """The requests a minute that were accepted in the last seconds."""
        return self.state.accepted_lately(_SAMPLE, now) * MINUTE / _SAMPLE

    def _next_window(self, now: float) -> float | None:
        """When the next window of the service is expected to begin; None if unknown.

        In the middle of the time in which a window may begin: the answer to a request then halves this time.
        """
        state = self.state
        if state.phase is None:
            return None
        unsure = 0.0 if state.phase_after is None else state.phase - state.phase_after
        aim = state.phase if unsure <= _NARROW else state.phase - unsure / 2
        return now + (aim - now) % MINUTE

    def _note_accepted(self, call: Call, left_at: float) -> None:
        state = self.state
        polls, submits = state.closures[Call.POLL], state.closures[Call.SUBMIT]
        if call is Call.SUBMIT and polls.is_open_episode and left_at > polls.met_at:
            polls.passed_at = left_at if polls.passed_at is None else min(left_at, polls.passed_at)
        # Polls may be found to count up to a minute after a 429. What was accepted in the minute before that
        # 429 is needed then; and the minute before an episode of submits until the episode is concluded.
        keep = 2 * MINUTE
        if self.counts(call) and submits.is_open_episode:
            keep += max(0.0, left_at - submits.last_failed_at)
        add(state.submits if call is Call.SUBMIT else state.polls, left_at, keep=keep)

    # Whether polls count

    def _note_evidence(self, call: Call, left_at: float, now: float, *, is_news: bool) -> None:
        state = self.state
        if call is Call.SUBMIT:
            poll_evidence.limited_submit(state.evidence, left_at)
        elif call is Call.POLL and is_news and not state.count_polls:
            poll_evidence.limited_poll(state.evidence, left_at)
        else:
            return
        if not state.count_polls and poll_evidence.many_polls_are_limited(state.evidence, state.polls, now):
            self._count_polls(now)

    def _count_polls(self, now: float) -> None:
        """Lets submits and polls share one closure and one rate, for as long as the lease lasts."""
        self._share(now)
        self.state.count_until = now + poll_evidence.take_lease(self.state.evidence)
        self.state.tell("429s showed that polls use up the limit, too")

    def _share(self, now: float) -> None:
        state = self.state
        polls, submits = state.closures[Call.POLL], state.closures[Call.SUBMIT]
        submits.opens_at = max(submits.opens_at, polls.opens_at)
        submits.window = 1
        submits.epoch = max(submits.epoch, polls.epoch) + 1
        last_failed_at = max(submits.last_failed_at, polls.last_failed_at)
        if last_failed_at > now - MINUTE:
            # The episode goes on, and its end shows the limit of both kinds of call.
            submits.is_open_episode = True
            submits.trials = 2
            submits.failures = max(submits.failures, polls.failures, 1)
            submits.is_told |= polls.is_told
            submits.last_failed_at = last_failed_at
            submits.met_at = min(submits.met_at, polls.met_at)
            submits.was_busy |= state.is_busy
        state.closures[Call.POLL] = Closure(epoch=submits.epoch)
        state.count_polls = True
        state.rate = self._given
        state.doublings = 0
        state.is_guess = False
        state.begin_hold(now)

    def _end_lease(self, now: float) -> None:
        """Ends the belief that polls count when its time is over: a wrong belief would last for ever."""
        state = self.state
        if not state.count_polls or state.count_until is None or now < state.count_until:
            return
        submits = state.closures[Call.SUBMIT]
        was_used = state.accepted_lately(MINUTE, now) >= _BUSY * (state.rate or math.inf)
        # Another epoch than that of the polls in flight.
        state.closures[Call.POLL] = Closure(opens_at=submits.opens_at, epoch=submits.epoch + 1, window=1)
        state.count_polls = False
        state.count_until = None
        state.careful_until = now + MINUTE
        state.begin_hold(now)
        if was_used:
            # Submits take the share that they had. A client that was idle keeps the rate of both.
            submitted = at_least(float(count(state.submits, now - MINUTE, now)))
            state.rate = min(submitted, self._given or math.inf)
        state.tell("polls are tried without the limit again")

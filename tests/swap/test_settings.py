"""The settings of a client are one value, checked when it is made; a gate may stand in for the rate limit."""

from dataclasses import FrozenInstanceError, fields
from inspect import signature
from typing import Any

import pytest

from segmind_swap import ConfigurationError, PollPolicy, RateLimit, RequestTimeouts, RetryPolicy, SwapClient
from segmind_swap._config import MEAN_SECONDS, PRICE_USD
from segmind_swap._models import Call
from segmind_swap._protocols.gate import Admission
from segmind_swap._swap.settings import ClientSettings

from ..support.scripted_service import KEY, REFERENCE, SCENE, Scripted, accepted, client, says

URLS: dict[str, Any] = {"reference_character_image": REFERENCE, "character_image": SCENE}


def settings(**changed: Any) -> ClientSettings:
    arguments = {
        name: parameter.default
        for name, parameter in signature(SwapClient.__init__).parameters.items()
        if name != "self"
    }
    return ClientSettings.of(**{**arguments, "api_key": KEY, **changed})


def test_settings_are_a_frozen_value() -> None:
    one, other = settings(), settings()
    assert one == other
    assert one != settings(timeout=1.0)
    assert hash(one) == hash(other)
    for field in fields(one):
        with pytest.raises(FrozenInstanceError):
            setattr(one, field.name, None)
    assert not hasattr(one, "__dict__")


def test_settings_show_no_key() -> None:
    assert KEY not in repr(settings())
    assert KEY not in str(settings())


def test_the_client_names_every_setting_in_its_own_signature() -> None:
    of = signature(ClientSettings.of).parameters
    assert list(of) == [name for name in signature(SwapClient.__init__).parameters if name != "self"]
    assert signature(SwapClient).parameters["timeout"].default == 900.0


def test_the_environment_is_read_when_the_settings_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMIND_API_KEY", "from-the-environment")
    monkeypatch.setenv("SEGMIND_BASE_URL", "https://proxy.example/segmind/")
    made = settings(api_key=None)
    monkeypatch.setenv("SEGMIND_API_KEY", "changed-later")
    monkeypatch.setenv("SEGMIND_BASE_URL", "https://changed.example")
    assert made.http.key.get_secret_value() == "from-the-environment"
    assert made.http.service.base_url == "https://proxy.example/segmind"
    assert settings(base_url="https://mine.example").http.service.base_url == "https://mine.example"


def test_the_environment_may_allow_http_for_the_base_url_and_this_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SEGMIND_BASE_URL", "http://emulator-said-once:8765")
    with pytest.raises(ConfigurationError, match="SEGMIND_ALLOW_HTTP=1"):
        settings()
    monkeypatch.setenv("SEGMIND_ALLOW_HTTP", "1")
    for _ in range(2):
        service = settings().http.service
        assert (service.allow_http, service.allow_http_base) == (False, True)
    (record,) = caplog.records
    assert "sent to http://emulator-said-once:8765 in clear text" in record.getMessage()
    with pytest.raises(ConfigurationError, match="clear text"):
        settings(base_url="http://api.segmind.com")
    settings(base_url="https://proxy.example")
    settings(base_url="http://127.0.0.1:8765")
    settings(base_url="http://said-by-the-program:8765", allow_http=True)
    assert len(caplog.records) == 1


@pytest.mark.parametrize(("value", "allowed"), [("", False), ("0", False), (" 1 ", True)])
def test_the_switch_of_the_environment_is_one_or_zero(
    monkeypatch: pytest.MonkeyPatch, value: str, allowed: bool
) -> None:
    monkeypatch.setenv("SEGMIND_ALLOW_HTTP", value)
    assert settings().http.service.allow_http_base is allowed


@pytest.mark.parametrize("value", ["yes", "true", "2", "on"])
def test_a_switch_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SEGMIND_ALLOW_HTTP", value)
    with pytest.raises(ConfigurationError, match="SEGMIND_ALLOW_HTTP must be 1 or 0"):
        settings()


@pytest.mark.parametrize("on_event", ["print", ["print"], [print, None], 7])
def test_a_handler_that_is_no_function_is_refused(on_event: Any) -> None:
    with pytest.raises(ConfigurationError, match="`on_event` must be a function"):
        SwapClient(KEY, on_event=on_event)


def test_handlers_are_kept_as_they_were_given() -> None:
    def one(_event: object) -> None: ...

    given = [one]
    made = settings(on_event=given)
    given.append(one)
    assert made.handlers == (one,)
    assert settings(on_event=one).handlers == (one,)
    assert settings(on_event=None).handlers == settings(on_event=[]).handlers == ()


def test_policies_pass_unchanged() -> None:
    made = settings(
        rate_limit=RateLimit(requests_per_minute=5),
        retry=RetryPolicy(attempts=1),
        polling=PollPolicy(interval=1.0),
        request_timeouts=RequestTimeouts(connect=1.0),
    )
    assert (made.rate_limit, made.retry, made.polling, made.http.timeouts) == (
        RateLimit(requests_per_minute=5),
        RetryPolicy(attempts=1),
        PollPolicy(interval=1.0),
        RequestTimeouts(connect=1.0),
    )


def test_the_published_figures_are_those_of_the_api_page() -> None:
    assert (PRICE_USD, MEAN_SECONDS) == (0.1522, 71.89)


# A gate in place of the rate limit


class OpenGate:
    """A gate that lets everything leave at once, and writes down what it is asked."""

    counts_polls = False

    def __init__(self) -> None:
        self.admitted: list[Call] = []
        self.observed: list[tuple[str, Call]] = []

    def closed_for(self, call: Call) -> float:
        return 0.0

    async def admit(self, call: Call) -> Admission:
        self.admitted.append(call)
        return Admission(call, len(self.admitted), 0, 0.0)

    def rate_limited(self, admission: Admission, retry_after: float | None) -> float:
        self.observed.append((f"429 after {retry_after}", admission.call))
        return 0.0

    def answered(self, admission: Admission) -> None:
        self.observed.append(("answered", admission.call))

    def release(self, admission: Admission) -> None:
        self.observed.append(("released", admission.call))


async def test_a_gate_of_ones_own_decides_when_requests_leave() -> None:
    gate = OpenGate()
    service = Scripted(submit=[says(429, "slow", retry_after="9"), accepted()])
    async with client(service, rate_limit=gate) as swaps:
        await swaps.swap(**URLS)
    assert gate.admitted == [Call.SUBMIT, Call.SUBMIT, Call.POLL]
    assert gate.observed == [
        ("429 after 9.0", Call.SUBMIT),
        ("released", Call.SUBMIT),
        ("answered", Call.SUBMIT),
        ("released", Call.SUBMIT),
        ("answered", Call.POLL),
        ("released", Call.POLL),
    ]


async def test_clients_share_a_gate() -> None:
    gate = OpenGate()
    for _ in range(2):
        async with client(Scripted(), rate_limit=gate) as swaps:
            await swaps.credits()
    assert gate.admitted == [Call.CREDITS, Call.CREDITS]

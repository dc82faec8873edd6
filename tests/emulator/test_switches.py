"""Each switch can be given in one line, and takes effect."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap.emulator import Emulator, Fault, describe_switches, parse_switch
from segmind_swap.emulator._contract import Contract, allowed_values

from .calling import NOWHERE, SWAP, WORKFLOW, submit

SWITCHES = [switch.name for switch in fields(Contract)]
POSITIONS = [
    (name, str(value).replace("True", "yes").replace("False", "no"), value)
    for name in SWITCHES
    for value in (allowed_values(name) or (1,))
]
"""Every value of every switch, with its word. A switch without a list of values is a number."""


@pytest.mark.parametrize(("name", "word", "value"), POSITIONS)
def test_every_value_of_every_switch_can_be_given(name: str, word: str, value: Any) -> None:
    assert parse_switch(f"{name}={word}") == (name, value)
    given: dict[str, Any] = {name: value}
    Emulator(**given)


_TIMES = re.compile(r'"(?:model_created|created_?[aA]t|submitted_at|timestamp)":"?[-\dT:. Z]+')


def _without_digits(match: re.Match[str]) -> str:
    return re.sub(r"\d", "0", match[0])


async def seen(**switches: Any) -> str:
    """What a caller sees of an emulator, without what is random."""
    faults = [Fault(on="submit", calls=(5,), status=504)]
    emulator = Emulator(faults=faults, rate_limit=6, credits_usd=0.77, engine="none", **switches)
    transport = httpx.ASGITransport(app=emulator.app)
    found: list[Any] = []

    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:

        async def ask(method: str, path: str, **more: Any) -> httpx.Response:
            response = await http.request(method, path, **more)
            headers = {name: response.headers.get(name) for name in ("x-cost", "retry-after")}
            reset = response.headers.get("x-rate-limit-reset-at-utc", "")
            # The time of a row of the history is that of the wall clock.
            text = _TIMES.sub(_without_digits, response.text)
            found.append([path, response.status_code, headers, re.sub(r"\d", "0", reset), text])
            return response

        for key in ({"authorization": "Bearer emulator-key"}, {"x-api-key": "emulator-key"}):
            await ask("GET", "/v1/get-user-credits", headers=key)
            await ask("POST", WORKFLOW, headers=key, json=SWAP)
        http.headers["x-api-key"] = "emulator-key"
        http.headers["authorization"] = "Bearer emulator-key"
        await ask("POST", "/upload-asset", json={"data_urls": ["data:image/png;base64,AAEC"]})
        jobs = [await submit(http, **fields) for fields in (SWAP, NOWHERE, SWAP)]
        found.extend(job.text for job in jobs)
        await ask("GET", "/inference-request/request-history")
        urls = [job.json().get("poll_url", "/") for job in jobs if job.status_code == 200]
        for _ in range(3):
            for url in urls:
                await ask("GET", url)
            await anyio.sleep(36)
        for _ in range(7):
            await ask("POST", WORKFLOW, json=SWAP)
        await ask("GET", "/v1/get-user-credits")
        for page in (1, 2):
            await ask("GET", f"/inference-request/request-history?page={page}")
    text = json.dumps([found, [charge.price_usd for charge in emulator.ledger]])
    return re.sub(r"[0-9a-f]{32}", "ID", text)


@pytest.mark.parametrize("name", SWITCHES)
async def test_every_value_of_every_switch_takes_effect(name: str) -> None:
    """A switch that this caller does not notice needs a request more in `seen`."""
    transcripts = [await seen()]
    for each, word, value in POSITIONS:
        if each == name and value != next(s.default for s in fields(Contract) if s.name == name):
            switch, parsed = parse_switch(f"{each}={word}")
            transcripts.append(await seen(**{switch: parsed}))
    assert len(set(transcripts)) == len(transcripts) > 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("outptu=url", "there is no 'outptu'; there are auth, acceptance, "),
        ("output", "write output=VALUE; the values are json-list, list, "),
        ("output=xml", "output is json-list, list, "),
        ("metrics=1", "metrics is yes or no, not '1'"),
        ("failed_status=500", "failed_status is 200 or 422, not '500'"),
        ("upload_limit_bytes=0", "upload_limit_bytes is a whole number from 1, not '0'"),
        ("upload_limit_bytes=1.5", "a whole number from 1, not '1.5'"),
        ("record_lifetime=nan", "record_lifetime is a number from 0, not 'nan'"),
        ("record_lifetime=-1", "record_lifetime is a number from 0, not '-1'"),
        ("", "there is no ''"),
    ],
)
def test_a_line_that_is_no_switch_is_refused_with_what_there_is(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"^switch {re.escape(repr(text))}: .*{re.escape(words)}"):
        parse_switch(text)


def test_the_list_names_every_switch_with_its_values_and_its_default() -> None:
    told = describe_switches()
    for name, word, _ in POSITIONS:
        (entry,) = re.findall(rf"^{name} .*\n .*$", told, re.MULTILINE)
        assert "by default" in entry
        if allowed_values(name):
            assert re.search(rf"(^|[ ,]){re.escape(word)}([ ,;]|$)", entry, re.MULTILINE)


def test_the_reference_has_the_same_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "emulator.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| `(\w+)` \| `([^|]+)` \|$", text, re.MULTILINE)
    found = {name: (decides.replace("`", ""), eval(default)) for decides, name, default in rows}
    assert found == {switch.name: (switch.metadata["decides"], switch.default) for switch in fields(Contract)}

"""The JSON of the controls: the state, a job with its requests, and pictures."""

import json

import anyio
import pytest

from segmind_swap.emulator import Emulator, Fault

from ..calling import (
    WORKFLOW,
    connect,
    control,
    control_json,
    picture,
    poll_url,
    submit,
    upload,
)


async def test_the_state_tells_of_jobs_money_calls_and_faults() -> None:
    emulator = Emulator(rate_limit=5, speed=20, faults=[Fault(on="poll", calls=(9,), status=502)])
    async with connect(emulator) as client, control(emulator) as program:
        reference, scene = await upload(client, picture("red"), picture("blue"))
        url = await poll_url(client, reference_character_image=reference, character_image=scene)
        await poll_url(client, reference_character_image=reference, character_image=scene)
        await anyio.sleep(71.89 / 20)
        await client.get(url)
        state = await control_json(program, "state")
    assert state["totals"] == {
        "jobs": 2,
        "running": 1,
        "completed": 1,
        "failed": 0,
        "billed_usd": 0.3044,
        "billed_again": 1,
        "paid_twice": 0,
    }
    assert state["credits_usd"] == 100 - 0.3044
    assert (state["rate_limit"]["used"], state["rate_limit"]["requests_per_minute"]) == (2, 5)
    assert state["counts"] == {"upload": 1, "submit": 2, "poll": 1}
    assert [(fault["on"], fault["what"], fault["when"]) for fault in state["faults"]] == [
        ("poll", "status 502", "call 9")
    ]
    second, first = state["jobs"]
    assert (first["state"], first["polls"], first["billed_before"]) == ("COMPLETED", 1, None)
    assert (second["state"], second["polls"], second["billed_before"]) == ("DUE", 0, 1)
    assert second["result"] is None
    newest = state["calls"][0]
    assert (newest["kind"], newest["number"], newest["status"], newest["job"]) == ("poll", 1, 200, 1)


async def test_the_pictures_of_a_job_are_there_for_the_page_and_are_no_calls() -> None:
    emulator = Emulator(duration=1, faults=[Fault(on="file", status=404)])
    async with connect(emulator) as client, control(emulator) as program:
        (scene,) = await upload(client, picture("blue"))
        url = await poll_url(
            client, reference_character_image="https://elsewhere.example/a.png", character_image=scene
        )
        await anyio.sleep(1)
        await client.get(url)
        (job,) = (await control_json(program, "state"))["jobs"]
        assert job["reference"] == {"url": "https://elsewhere.example/a.png", "picture": None}
        for place in (job["scene"]["picture"], job["result"]):
            response = await program.get(place)
            assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
            assert response.headers["x-content-type-options"] == "nosniff"
        assert (await program.get("/_emulator/pictures/none.png")).status_code == 404
    assert emulator.count("file") == 0


async def test_a_job_is_told_with_the_requests_and_answers_that_concern_it() -> None:
    emulator = Emulator(duration=1, faults=[Fault(on="poll", calls=(1,), cut="after-body")])
    async with connect(emulator) as client, control(emulator) as program:
        (scene,) = await upload(client, picture("blue", size=(200, 200)))
        await upload(client, picture("green"))
        url = await poll_url(client, character_image=scene)
        await poll_url(client)
        with pytest.raises(ConnectionResetError):
            await client.get(url)
        await client.get(url)
        found = await control_json(program, "jobs/1")
        assert (await program.get("/_emulator/jobs/3")).status_code == 404
        assert (await program.get("/_emulator/jobs/0")).status_code == 404
    assert found["job"]["number"] == 1
    assert [(call["kind"], call["ending"]) for call in found["calls"]] == [
        ("upload", "answered"),
        ("submit", "answered"),
        ("poll", "cut"),
        ("poll", "answered"),
    ]
    sent, started, cut, polled = found["calls"]
    assert json.loads(started["request"]["body"])["character_image"] == scene
    assert json.loads(polled["answer"]["body"])["status"] == "QUEUED"
    assert (cut["answer"], cut["fault"]) == (None, "cut after-body")
    assert "data:image/png;base64," in sent["request"]["body"]


async def test_requests_that_are_no_call_are_told_too() -> None:
    emulator = Emulator()
    async with connect(emulator) as client, control(emulator) as program:
        await client.post("/workflow/wrong", json={})
        await submit(client)
        await program.get("/_emulator/state")
        every = (await control_json(program, "calls"))["calls"]
        others = (await control_json(program, "calls?kind=other"))["calls"]
        submits = (await control_json(program, "calls?kind=submit"))["calls"]
    assert [(call["kind"], call["path"], call["status"]) for call in every] == [
        ("submit", WORKFLOW, 200),
        (None, "/workflow/wrong", 404),
    ]
    assert (others, submits) == ([every[1]], [every[0]])

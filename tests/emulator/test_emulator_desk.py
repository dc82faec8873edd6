"""The controls over HTTP: what they tell, what they do, and whom they refuse."""

import json
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap.emulator import Emulator, Fault
from segmind_swap.emulator._control.traffic import EXCHANGES_KEPT, excerpt

from .calling import KEY, WORKFLOW, connect, picture, poll_url, submit, upload

JSON = {"content-type": "application/json"}


def control(emulator: Emulator, **headers: str) -> httpx.AsyncClient:
    """A program that controls the emulator; it needs no key."""
    transport = httpx.ASGITransport(app=emulator.app)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)


async def told(client: httpx.AsyncClient, path: str) -> Any:
    response = await client.get(f"/_emulator/{path}")
    assert response.status_code == 200, response.text
    return response.json()


async def test_the_state_tells_of_jobs_money_calls_and_faults() -> None:
    emulator = Emulator(rate_limit=5, speed=20, faults=[Fault(on="poll", calls=(9,), status=502)])
    async with connect(emulator) as client, control(emulator) as program:
        reference, scene = await upload(client, picture("red"), picture("blue"))
        url = await poll_url(client, reference_character_image=reference, character_image=scene)
        await poll_url(client, reference_character_image=reference, character_image=scene)
        await anyio.sleep(71.89 / 20)
        await client.get(url)
        state = await told(program, "state")
    assert state["totals"] == {
        "jobs": 2,
        "running": 1,
        "completed": 1,
        "failed": 0,
        "billed_usd": 0.3044,
        "billed_again": 1,
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
        (job,) = (await told(program, "state"))["jobs"]
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
        found = await told(program, "jobs/1")
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


async def test_a_key_is_never_told_in_full() -> None:
    key = "SG_0123456789abcdef"
    emulator = Emulator(api_key=key)
    async with connect(emulator, authorization=f"Bearer {key}") as client, control(emulator) as program:
        await submit(client, reference_character_image=f"https://pictures.example/{key}", character_image="x")
        await client.get("/v1/get-user-credits", headers={"x-api-key": key, "cookie": f"key={key}"})
        await client.get(f"/wrong/{key}?key={key}")
        texts = [(await program.get(f"/_emulator/{path}")).text for path in ("state", "calls")]
    assert emulator.count("submit") == 1
    assert '"path":"/wrong/SG_0… (19 characters)"' in texts[0]
    assert "Bearer SG_0… (19 characters)" in texts[1]
    assert "0123456789" not in texts[1]


async def test_a_short_key_is_not_told_at_all() -> None:
    emulator = Emulator(api_key="s3cret")
    async with connect(emulator, **{"x-api-key": "s3cret"}) as client, control(emulator) as program:
        await submit(client)
        text = (await program.get("/_emulator/calls")).text
    assert "… (6 characters)" in text
    assert "s3cr" not in text


async def test_a_long_upload_is_told_by_its_beginning_and_its_size() -> None:
    body = json.dumps({"data_urls": [f"data:image/png;base64,{'A' * 1_000_000}", "data:,b"]}).encode()
    kept = excerpt(body)
    assert len(kept) < 300
    assert b"data:image/png;base64,AAAA" in kept
    assert b"1,000,022 bytes" in kept
    assert kept.endswith(b'"data:,b"]}')
    assert len(excerpt(b'"' * 10_000)) <= 4096


async def test_requests_that_are_no_call_are_told_too() -> None:
    emulator = Emulator()
    async with connect(emulator) as client, control(emulator) as program:
        await client.post("/workflow/wrong", json={})
        await submit(client)
        await program.get("/_emulator/state")
        every = (await told(program, "calls"))["calls"]
        others = (await told(program, "calls?kind=other"))["calls"]
        submits = (await told(program, "calls?kind=submit"))["calls"]
    assert [(call["kind"], call["path"], call["status"]) for call in every] == [
        ("submit", WORKFLOW, 200),
        (None, "/workflow/wrong", 404),
    ]
    assert (others, submits) == ([every[1]], [every[0]])


async def test_calls_and_ledger_come_in_pages_newest_first() -> None:
    emulator = Emulator()
    async with connect(emulator) as client, control(emulator) as program:
        for _ in range(5):
            await submit(client)
        for path, name, key in (("calls", "calls", "serial"), ("ledger", "jobs", "number")):
            found: list[int] = []
            before = ""
            page: dict[str, Any] = {}
            for _ in range(3):
                page = await told(program, f"{path}?limit=2{before}")
                found += [one[key] for one in page[name]]
                before = f"&before={page['next']}"
            assert (found, page["next"]) == ([5, 4, 3, 2, 1], None)


async def test_what_is_remembered_of_calls_has_an_end() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        for _ in range(EXCHANGES_KEPT + 10):
            await client.get("/wrong")
    traffic = emulator._controls.account.traffic
    assert (len(list(traffic.newest_first())), traffic.count) == (EXCHANGES_KEPT, EXCHANGES_KEPT + 10)


async def test_faults_come_and_go_over_http() -> None:
    emulator = Emulator()
    async with connect(emulator) as client, control(emulator) as program:
        full = {
            "on": "submit",
            "status": 429,
            "headers": {"Retry-After": "2"},
            "times": 1,
            "body": {"error": "no"},
        }
        answers = [
            await program.post("/_emulator/faults", json=given)
            for given in (full, {"rule": "poll:502:10%"}, {"on": "credits", "delay": 2, "window": [0, None]})
        ]
        assert [(answer.status_code, answer.json()["number"]) for answer in answers] == [
            (201, 1),
            (201, 2),
            (201, 3),
        ]
        listed = (await told(program, "faults"))["faults"]
        assert [fault["fields"] for fault in listed] == [
            {**full, "headers": {"retry-after": "2"}},
            {"on": "poll", "status": 502, "probability": 0.1},
            {"on": "credits", "delay": 2.0, "window": [0.0, None]},
        ]
        refused = await submit(client)
        assert (refused.status_code, refused.headers["retry-after"], refused.json()) == (
            429,
            "2",
            {"error": "no"},
        )
        assert (await submit(client)).status_code == 200
        assert (await program.delete("/_emulator/faults/2")).status_code == 204
        assert (await program.delete("/_emulator/faults/2")).status_code == 404
        assert [placed.number for placed in emulator.faults] == [3]
        assert (await program.delete("/_emulator/faults")).status_code == 204
    assert emulator.faults == ()


async def test_the_clock_and_the_reset_over_http() -> None:
    emulator = Emulator(duration=100)
    async with connect(emulator) as client, control(emulator) as program:
        url = await poll_url(client)
        before = (await told(program, "state"))["account"]
        assert (await program.post("/_emulator/clock/pause", headers=JSON)).json()["paused"] is True
        await anyio.sleep(500)
        assert (await client.get(url)).json()["status"] == "QUEUED"
        await program.post("/_emulator/clock/advance", json={"seconds": 99})
        assert (await client.get(url)).json()["status"] == "PROCESSING"
        assert (await program.post("/_emulator/clock/resume", json={})).json()["paused"] is False
        await anyio.sleep(1)
        assert (await client.get(url)).json()["status"] == "COMPLETED"
        assert (await told(program, "clock"))["paused"] is False
        assert (await program.post("/_emulator/reset", json={})).status_code == 204
        state = await told(program, "state")
    assert (emulator.ledger, state["totals"]["jobs"]) == ((), 0)
    assert state["account"] != before


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("faults", {"on": "pol", "status": 502}, "on must be one of submit"),
        ("faults", {"on": "poll", "statsu": 502}, "there is no field 'statsu'"),
        ("faults", {"on": "poll", "status": "502"}, 'status must be a whole number, not "502"'),
        ("faults", {"on": "poll", "status": True}, "status must be a whole number"),
        ("faults", {"on": "poll", "status": 99}, "status is from 200"),
        ("faults", {"on": "poll", "status": 500, "times": 0}, "times is at least 1"),
        ("faults", {"on": "poll", "status": 500, "calls": 3}, "calls must be a list"),
        ("faults", {"on": "poll", "status": 500, "calls": ["3"]}, "calls must be a whole number"),
        ("faults", {"on": "poll", "status": 500, "probability": "high"}, "probability must be a number"),
        ("faults", {"on": "poll", "status": 500, "window": [1]}, "window must be a list of two"),
        ("faults", {"on": "poll", "status": 500, "window": [5, 2]}, "window is a start and a later end"),
        ("faults", {"on": "poll", "status": 500, "headers": {"a": "b\r\nc: d"}}, "headers must be printable"),
        ("faults", {"on": "poll", "status": 500, "headers": {"Content-Length": "3"}}, "content-length alone"),
        ("faults", {"on": "poll", "status": 500, "body": 3}, "body must be a text"),
        ("faults", {"on": "poll", "malformed": "xml"}, "malformed must be one of"),
        ("faults", {"on": "poll", "cut": ["x"]}, "cut must be a text"),
        ("faults", {"on": "submit", "status": 504, "accepts": 1}, "accepts must be true or false"),
        ("faults", {"on": "poll"}, "would do nothing"),
        ("faults", {"status": 502}, "on must name"),
        ("faults", {"rule": "poll:5x2"}, "'5x2' is not understood"),
        ("faults", {"rule": "poll:502", "on": "poll"}, "rule says everything"),
        ("faults", {"rule": 5}, "rule must be a text"),
        ("faults", [], "the body must be a JSON object"),
        ("clock/advance", {}, "seconds must say how far"),
        ("clock/advance", {"seconds": -1}, "seconds must be a number of at least 0"),
        ("clock/advance", {"seconds": 1e300}, "seconds must be a number"),
        ("clock/pause", {"seconds": 1}, "there is no field 'seconds'"),
        ("reset", {"all": True}, "there is no field 'all'"),
    ],
)
async def test_a_wrong_field_is_named(path: str, body: Any, words: str) -> None:
    emulator = Emulator()
    async with control(emulator) as program:
        response = await program.post(f"/_emulator/{path}", json=body)
    assert response.status_code == 400
    assert words in response.json()["error"]
    assert emulator.faults == ()


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b'{"seconds": NaN}', b'{"seconds": Infinity}', b"[" * 60_000]
)
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    async with control(Emulator()) as program:
        response = await program.post("/_emulator/clock/advance", content=body, headers=JSON)
    assert response.status_code == 400
    assert "body must be a JSON object" in response.json()["error"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("state?jobs=0", "jobs must be a whole number from 1 to 500"),
        ("state?since=4", "there is no parameter 'since'"),
        ("calls?limit=x", "limit must be a whole number"),
        ("calls?kind=pol", "kind must be one of submit"),
        ("calls?before=-1", "before must be a whole number"),
        ("ledger?before=0", "before must be a whole number"),
    ],
)
async def test_a_wrong_parameter_is_named(path: str, words: str) -> None:
    async with control(Emulator()) as program:
        response = await program.get(f"/_emulator/{path}")
    assert response.status_code == 400
    assert words in response.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("GET", "reset", 405), ("PUT", "faults", 405), ("GET", "", 404)],
)
async def test_other_routes_are_refused_in_json(method: str, path: str, status: int) -> None:
    async with control(Emulator()) as program:
        response = await program.request(method, f"/_emulator/{path}", headers=JSON)
    assert response.status_code == status
    assert response.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:81"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1"},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": ""},
    ],
)
async def test_a_change_that_another_site_may_have_sent_is_refused(headers: dict[str, str]) -> None:
    emulator = Emulator()
    async with connect(emulator) as client, control(emulator) as program:
        await submit(client)
        for path in ("reset", "clock/pause", "faults"):
            answer = await program.post(f"/_emulator/{path}", content=b"{}", headers={**JSON, **headers})
            assert answer.status_code == 403, headers
    assert (len(emulator.ledger), emulator.paused) == (1, False)


async def test_another_site_may_neither_withdraw_faults_nor_read_the_state() -> None:
    emulator = Emulator(faults=[Fault(on="poll", status=500)])
    async with control(emulator) as program:
        foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert (await program.delete("/_emulator/faults", headers=foreign)).status_code == 403
        assert (await program.get("/_emulator/state", headers=foreign)).status_code == 403
        own = {"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"}
        answer = await program.delete("/_emulator/faults", headers=own)
        assert answer.status_code == 204
        assert "access-control-allow-origin" not in answer.headers
    assert emulator.faults == ()


async def test_the_page_runs_nothing_but_its_own_script() -> None:
    async with control(Emulator()) as program:
        page = await program.get("/")
        policy = page.headers["content-security-policy"]
        assert (await program.post("/", headers=JSON)).status_code == 405
    assert page.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'sha256-" in policy
    assert "/* script */" not in page.text
    for outside in ("https://", "http:", "@import", "url("):
        assert outside not in page.text.replace("http://www.w3.org/2000/svg", "")


async def test_faults_hit_neither_the_controls_nor_the_page() -> None:
    kinds: tuple[Any, ...] = ("submit", "poll", "upload", "credits", "file")
    emulator = Emulator(faults=[Fault(on=kind, status=500) for kind in kinds])
    async with control(emulator) as program:
        assert (await program.get("/")).status_code == 200
        assert (await program.get("/_emulator/state")).status_code == 200
    assert emulator.calls == ()


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8765", 200),
        ("localhost:1", 200),
        ("LOCALHOST", 200),
        ("emulator.localhost", 200),
        ("[::1]:8765", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:8765", 421),
        ("192.168.0.7", 421),
        ("[::", 421),
        ("", 421),
    ],
)
def test_only_the_names_of_this_machine_are_answered_to(host: str, status: int) -> None:
    emulator = Emulator()
    with emulator.serve() as url, httpx.Client(base_url=url, timeout=300) as client:
        for path in ("/", "/_emulator/state", "/v1/get-user-credits"):
            answer = client.get(path, headers={**KEY, "host": host})
            assert answer.status_code == status
    assert emulator.count("credits") == (1 if status == 200 else 0)


@pytest.mark.real_time
def test_a_change_that_is_too_long_is_refused() -> None:
    with Emulator().serve() as url, httpx.Client(base_url=url, timeout=300) as client:
        answer = client.post("/_emulator/faults", content=b" " * 70_000, headers=JSON)
        assert (answer.status_code, "longer than 65536 bytes" in answer.text) == (413, True)


@pytest.mark.real_time
def test_other_names_are_answered_to_on_demand() -> None:
    with Emulator().serve(allow_remote=True) as url, httpx.Client(base_url=url, timeout=300) as client:
        assert client.get("/v1/get-user-credits", headers={**KEY, "host": "emulator:8765"}).status_code == 200

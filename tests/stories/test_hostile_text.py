"""Whatever a service says, neither a terminal nor a page obeys it."""

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from segmind_swap import DownloadError, SwapError, SwapResult
from segmind_swap.cli._app.app import app
from segmind_swap.cli._tables.columns import COLUMNS

from ..support.hostility import NASTY, assert_harmless
from ..support.journal_rows import a_job
from ..support.recording_server import Asked, Told, a_parrot
from ..support.scripted_service import KEY, PICTURES, RESULT, Scripted, Step, client, poll_url
from ..support.sessions import Wire

# Where a server's words go into what a person reads.
_TAKEN = {"poll_url": poll_url(), "request_id": NASTY}
NASTY_STEPS: dict[str, dict[str, Step]] = {
    "a reason": {"submit": Step(status=400, body={"error": NASTY})},
    "a body": {"submit": Step(status=400, body=b"\xff" + NASTY.encode())},
    "no acceptance": {"submit": Step(body={"oops": NASTY, "request_id": NASTY})},
    "a foreign poll_url": {"submit": Step(body={"poll_url": f"https://x.example/{NASTY}"})},
    "a request id": {"submit": Step(body=_TAKEN), "poll": Step(body={"status": "FAILED", "error": "x"})},
    "a failure": {"poll": Step(body={"status": "FAILED", "error": {"message": [NASTY]}})},
    "a state": {"poll": Step(body={"status": NASTY})},
    "no output": {"poll": Step(body={"status": "COMPLETED", "output": NASTY})},
    "an exception": {"submit": Step(error=RuntimeError(NASTY))},
    "no poll": {"poll": Step(status=500, body={"detail": NASTY})},
}


@pytest.mark.parametrize("where", NASTY_STEPS)
async def test_nothing_that_a_terminal_would_obey_is_in_an_error_or_a_log(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[str] = []

    def note(event: object) -> None:
        events.append(repr(event))

    service = Scripted(**NASTY_STEPS[where])
    async with client(service, timeout=60.0, on_event=note) as segmind:
        with pytest.raises(SwapError) as caught:
            await segmind.swap(**PICTURES)
    error = caught.value
    assert_harmless(str(error), *(getattr(error, name, None) for name in ("reason", "excerpt", "request_id")))
    if error.job is not None:
        assert_harmless(error.job.name)
    assert_harmless(*events, *(record.getMessage() for record in caplog.records))


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1/\u202e", "https://x.example/\u202etxt", "\u202e:", "//[\u2066"]
)
async def test_a_redirects_address_is_told_without_tricks(location: str) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers=[(b"location", location.encode())])

    async with client(Wire(answer)) as segmind:
        with pytest.raises(DownloadError) as caught:
            await segmind.read(SwapResult(job=a_job(), url=RESULT, outputs=(), seconds=1.0))
    assert_harmless(str(caught.value))


def _nasty_service(url: str, asked: Asked) -> Told:
    """Accepts one swap that then fails, refuses another, and may have taken a third."""
    if asked.method == "GET":
        return Told(body=json.dumps({"status": "FAILED", "error": NASTY}).encode())
    which = json.loads(asked.body).get("character_image", "")
    if "refused" in which:
        return Told(status=400, body=NASTY.encode() * 3)
    if "unknown" in which:
        return Told(body=json.dumps({"request_id": NASTY, "error": NASTY}).encode())
    told = {"poll_url": f"{url}/requests/1", "request_id": NASTY, "message": NASTY}
    return Told(body=json.dumps(told).encode(), headers={"X-Request-Id": "\u202e1".encode()})


def test_nothing_of_a_server_is_obeyed_by_the_terminal_or_the_page(tmp_path: Path) -> None:
    rows = [
        f"{name},https://p.example/hero.png,https://p.example/{name}.png"
        for name in ("failed", "refused", "unknown")
    ]
    (tmp_path / "pairs.csv").write_text("\n".join([",".join(COLUMNS), *rows]))
    out = tmp_path / "out"
    with a_parrot(_nasty_service) as service:
        env = {"SEGMIND_BASE_URL": service.url, "SEGMIND_API_KEY": KEY, "COLUMNS": "500", "NO_COLOR": "1"}
        command = ["batch", str(tmp_path / "pairs.csv"), "--out", str(out), "--poll-interval", "0.05"]
        done = CliRunner(env=env).invoke(app, command)
        told = CliRunner(env=env).invoke(app, ["status", str(out)])
        assert service.count("POST") == 3
    assert (done.exit_code, told.exit_code) == (4, 0)
    for text in (done.output, told.output):
        lines = text.splitlines()
        assert_harmless(*lines)
        assert not any(line.startswith("segmind-swap: forged") for line in lines)
    assert "[bold red]x[/]" in done.output, "markup is text"
    page = (out / "report.html").read_text()
    assert_harmless(page.replace("\n", ""))
    assert "<script" not in page
    assert "[bold red]x[/]" in page
    for line in (out / "results.jsonl").read_text().splitlines():
        fields = json.loads(line)
        assert_harmless(line, fields["error"]["message"])

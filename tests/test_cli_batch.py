"""A batch as a person or a script meets it: real processes, against an emulator that outlives them."""

import inspect
import json
import logging
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image
from typer.testing import CliRunner

from segmind_swap import (
    ConfigurationError,
    Journal,
    JournalError,
    OutageBegan,
    OutageEnded,
    OutcomeState,
    RateLimited,
    RetryScheduled,
    SubmissionUnknownError,
    Submitting,
    SwapClient,
    SwapOutcome,
    SwapRequest,
    Uploaded,
)
from segmind_swap.cli._app import app
from segmind_swap.cli._batch_plan import Limits, Plan
from segmind_swap.cli._batch_progress import Progress
from segmind_swap.cli._eta import Pace
from segmind_swap.cli._exit_codes import Exit, code_of
from segmind_swap.cli._journal_commands import resolve_command
from segmind_swap.cli._log_handler import KeptLines
from segmind_swap.cli._pairs_file import read_pairs
from segmind_swap.cli._signals import Interrupts
from segmind_swap.cli._text import lasting, one_line, plain
from segmind_swap.emulator import Emulator, Fault, Picture

from .sessions import png
from .test_cli import environment

# The suite itself may run where SIGINT is ignored, which children inherit.
LISTENING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
MAIN = "from segmind_swap.cli import main; main()"
COMMAND = [sys.executable, "-c", LISTENING + MAIN]
PATIENCE = 300.0
KEY = "emulator-key"


@contextmanager
def an_emulator(**settings: Any) -> Iterator[tuple[Emulator, dict[str, str]]]:
    """An emulator in this process, and the environment in which commands find it."""
    emulator = Emulator(**{"api_key": KEY, "speed": 100.0, "engine": "none", **settings})
    with emulator.serve() as url:
        yield emulator, {"SEGMIND_BASE_URL": url, "SEGMIND_API_KEY": KEY}


@contextmanager
def a_held_emulator() -> Iterator[tuple[Emulator, dict[str, str], threading.Event]]:
    """One whose jobs are done when the event is set, and not before: however slow the machine is."""
    release = threading.Event()

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        while not release.is_set():  # noqa: ASYNC110 - set by another thread
            await anyio.sleep(0.01)
        return png()

    with an_emulator(engine=engine, duration=0.0) as (emulator, service):
        yield emulator, service, release


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What the process has said on standard error, up to the line with these words."""
    assert process.stderr is not None
    said = ""
    while words not in said:
        line = process.stderr.readline()
        assert line, f"it ended early: {said}"
        said += line
    return said


def segmind_swap(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment(**env),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def asked(*arguments: str, cwd: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A command that only looks or writes something down, in this process."""
    with monkeypatch.context() as patch:
        patch.chdir(cwd)
        return CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(app, arguments)


@contextmanager
def begun(
    *arguments: str, cwd: Path, program: str = LISTENING + MAIN, **env: str
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def states(folder: Path) -> dict[OutcomeState, int]:
    """What the journal says at this moment, also while a batch writes it."""
    try:
        return Journal(folder / "out" / "journal.db").summary().states
    except JournalError:
        return {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a reference, and a folder of eight scenes."""
    Image.new("RGB", (30, 40), "#7fb3d5").save(tmp_path / "hero.png")
    (tmp_path / "scenes").mkdir()
    for number in range(8):
        Image.new("RGB", (64, 48), (number * 30, 90, 90)).save(tmp_path / "scenes" / f"s{number}.png")
    return tmp_path


BATCH = ["batch", "scenes", "--reference", "hero.png", "--out", "out", "--poll-interval", "0.1"]


def results(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "out" / "results.jsonl").read_text().splitlines()
    return {fields["id"]: fields for fields in map(json.loads, lines)}


# What is in PAIRS

HEADER = "id,reference_character_image,character_image"


def test_a_csv_file_may_have_a_bom_other_columns_and_paths_from_its_own_folder(tmp_path: Path) -> None:
    text = (
        "\ufeffnote,character_image, id ,reference_character_image\r\n"
        '"a, b",scenes/x.jpg, one ,hero.png\r\n'
        "\r\n"
        ",https://pictures.example/s.png,two,/abs/hero.png\r\n"
    )
    (tmp_path / "pairs.csv").write_bytes(text.encode())
    pairs = read_pairs(tmp_path / "pairs.csv", None)
    assert pairs.problems == []
    assert [
        (request.id, request.reference_character_image, request.character_image) for request in pairs.requests
    ] == [
        ("one", str(tmp_path / "hero.png"), str(tmp_path / "scenes" / "x.jpg")),
        ("two", "/abs/hero.png", "https://pictures.example/s.png"),
    ]


def test_what_is_wrong_in_a_csv_file_is_told_with_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text(f"{HEADER}\na,r.png,s.png\nb,,s.png\nc,r.png\nd,r.png,s.png,t.png\ne,r.png,s.png\n")
    pairs = read_pairs(file, None)
    assert [request.id for request in pairs.requests] == ["a", "e"]
    assert pairs.problems == [
        f"{file}:3: there is no reference_character_image",
        f"{file}:4: it has 2 cells, and the header has 3",
        f"{file}:5: it has 4 cells, and the header has 3",
    ]


def test_a_jsonl_file_may_have_blank_lines_and_its_mistakes_are_told_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    good = {"id": "a", "reference_character_image": "r.png", "character_image": "http://x.example/s", "n": 1}
    bad = [
        "{",
        "[1]",
        json.dumps({**good, "id": 7}),
        json.dumps({**good, "character_image": ""}),
        json.dumps({"id": "b"}),
    ]
    file.write_text("\n".join(["", json.dumps(good), "  ", *bad]))
    pairs = read_pairs(file, None)
    (request,) = pairs.requests
    assert (request.reference_character_image, request.character_image) == (
        str(tmp_path / "r.png"),
        "http://x.example/s",
    )
    assert [problem.removeprefix(f"{file}:").split(":")[0] for problem in pairs.problems] == list("45678")
    for problem, word in zip(
        pairs.problems,
        ["not JSON", "JSON object", "not 7", "no character", "no reference"],
        strict=True,
    ):
        assert word in problem


def test_a_folder_of_scenes_is_sorted_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.webp", "c.jpeg", ".hidden.png", "notes.txt", "d.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    pairs = read_pairs(tmp_path, "https://pictures.example/hero.png")
    assert [request.id for request in pairs.requests] == ["a", "b", "c", "d"]
    assert {request.reference_character_image for request in pairs.requests} == {
        "https://pictures.example/hero.png"
    }
    assert pairs.requests[1].character_image == str(tmp_path / "b.JPG")


@pytest.mark.parametrize(
    ("name", "content", "reference", "complaint"),
    [
        ("pairs.csv", b"id,scene\n", None, "no reference_character_image, character_image"),
        ("pairs.csv", b"", None, "its first line must name the columns"),
        ("pairs.csv", HEADER.encode(), None, "not one pair"),
        ("pairs.csv", HEADER.encode() + b"\n\xff\xfe", None, "not UTF-8"),
        ("pairs.csv", HEADER.encode(), "hero.png", "--reference goes with a folder"),
        ("pairs.jsonl", b"\n\n", None, "not one pair"),
        ("pairs.txt", b"", None, "neither a .csv nor a .jsonl"),
        ("missing.csv", None, None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_says_why(
    tmp_path: Path, name: str, content: bytes | None, reference: str | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=re.escape(complaint)):
        read_pairs(tmp_path / name, reference)


def test_a_folder_needs_a_reference_and_a_scene(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="needs --reference"):
        read_pairs(tmp_path, None)
    with pytest.raises(ConfigurationError, match=re.escape("there is no .jpg")):
        read_pairs(tmp_path, "hero.png")


# Before anything is paid


def test_a_table_that_would_never_end_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pairs.csv")
    (tmp_path / "pairs.jsonl").symlink_to("/dev/zero")
    for name in ("pairs.csv", "pairs.jsonl"):
        with pytest.raises(ConfigurationError, match="not a regular file"):
            read_pairs(tmp_path / name, None)


def test_all_inputs_that_cannot_be_used_are_told_together_and_nothing_is_sent(folder: Path) -> None:
    (folder / "notes.txt").write_text("no picture")
    (folder / "out").mkdir()
    (folder / "out" / "taken.png").write_bytes(b"precious")
    rows = ["A,hero.png,gone.png", "a,hero.png,scenes/s0.png", "b,notes.txt,scenes/s1.png"]
    rows += ["taken,hero.png,scenes/s2.png", "con,hero.png,scenes/s3.png", ",hero.png,scenes/s4.png"]
    rows += [f"many-{number},gone-{number}.png,scenes/s5.png" for number in range(20)]
    (folder / "pairs.csv").write_text("\n".join([HEADER, "good,hero.png,scenes/s6.png", *rows]))
    with an_emulator() as (emulator, service):
        done = segmind_swap("batch", "pairs.csv", "--out", "out", "--json", cwd=folder, **service)
        assert emulator.calls == ()
    assert done.returncode == 2
    assert "26 inputs cannot be used; nothing was sent" in done.stderr
    for complaint in (
        "pairs.csv:8: there is no id",
        "gone.png: No such file",
        "would be the same file as 'A'",
        "notes.txt: it is no picture",
        "taken.png exists already",
        "the id 'con' cannot be used",
    ):
        assert complaint in done.stderr
    assert len(re.findall("^  ", done.stderr, re.MULTILINE)) == 21
    assert "and 6 more" in done.stderr
    assert json.loads(done.stdout)["error"] == "ConfigurationError"
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["taken.png"]


def test_a_dry_run_needs_no_key_sends_nothing_and_tells_cost_and_time(folder: Path) -> None:
    told = segmind_swap(*BATCH, "--dry-run", "--concurrency", "4", "--budget", "1", cwd=folder)
    assert (told.returncode, told.stderr) == (0, "")
    for line in (
        "inputs   8, all of them usable",
        "cost     about $1.22, at $0.1522 a swap",
        "budget   $1.00; it ends it after 6: at most $0.91",
        "time     about 2 min 24 s",
    ):
        assert line in told.stdout
    with an_emulator() as (emulator, service):
        slow = segmind_swap(*BATCH, "--dry-run", "--json", "--rpm", "2", cwd=folder, **service)
        assert json.loads(slow.stdout) == {
            "inputs": 8,
            "states": {"pending": 8},
            "to_submit": 8,
            "within_budget": 8,
            "cost_usd": 1.2176,
            "committed_usd": 0.0,
            "seconds": 7 * 30 + 72,
        }
        assert emulator.calls == ()
        assert not (folder / "out").exists()

        done = segmind_swap(*BATCH, "--budget", "0.5", cwd=folder, **service)
        assert done.returncode == Exit.STOPPED
        later = json.loads(segmind_swap(*BATCH, "--dry-run", "--json", cwd=folder, **service).stdout)
        assert (later["states"], later["to_submit"]) == ({"pending": 5, "saved": 3}, 5)
        assert later["committed_usd"] == pytest.approx(3 * 0.1522)
        assert len(emulator.ledger) == 3


def test_the_price_on_the_command_line_is_that_of_the_library() -> None:
    from segmind_swap.cli._app import batch

    library = inspect.signature(SwapClient.swap_many).parameters["price_usd"].default
    assert inspect.signature(batch).parameters["price"].default == library


# A run


def test_a_table_becomes_pictures_a_report_and_results_and_again_is_not_paid_again(folder: Path) -> None:
    rows = [f"café [bold] {n},hero.png,scenes/s{n}.png" for n in range(3)]
    (folder / "pairs.csv").write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    command = ["batch", "pairs.csv", "--out", "out", "--poll-interval", "0.1", "--concurrency", "2"]
    with an_emulator() as (emulator, service):
        done = segmind_swap(*command, cwd=folder, **service)
        assert done.returncode == 0, done.stderr
        assert re.match(r"3 of 3 saved in \d+ s\n", done.stdout)
        assert len(emulator.ledger) == 3
        lines = results(folder)
        assert set(lines) == {f"café [bold] {n}" for n in range(3)}
        for id, fields in lines.items():
            assert fields["state"] == "saved"
            assert Path(fields["path"]) == folder / "out" / f"{id}.png"
            assert Path(fields["path"]).is_file()
            assert fields["job"]["poll_url"].startswith(service["SEGMIND_BASE_URL"])
            assert (fields["error"], fields["url"][:4]) == (None, "http")
        page = (folder / "out" / "report.html").read_text(encoding="utf-8")
        for link in ("../hero.png", "../scenes/s1.png", "caf%C3%A9%20%5Bbold%5D%201.png"):
            assert link in page
        assert not (folder / "out" / "results.jsonl.part").exists()

        again = segmind_swap(*command, "--json", cwd=folder, **service)
        assert again.returncode == 0
        assert json.loads(again.stdout) == {
            "states": {"saved": 3},
            "committed_usd": pytest.approx(3 * 0.1522),
            "stopped_by": None,
            "journal": "out/journal.db",
            "report": "out/report.html",
            "results": "out/results.jsonl",
        }
        assert results(folder) == lines
        assert len(emulator.ledger) == 3
        assert "\x1b" not in done.stdout + done.stderr + again.stderr


def test_a_run_on_an_emulator_of_its_own_cannot_go_on_and_says_how_one_could(folder: Path) -> None:
    (folder / "three").mkdir()
    for number in range(3):
        (folder / "scenes" / f"s{number}.png").rename(folder / "three" / f"s{number}.png")
    command = ["batch", "three", "--reference", "hero.png", "--out", "out", "--emulator"]
    done = segmind_swap(*command, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 saved" in done.stdout
    assert "nothing: it ran on the emulator" in done.stdout
    with Image.open(folder / "out" / "s1.png") as picture:
        assert picture.size[0] > 600
    again = segmind_swap(*command, cwd=folder)
    assert again.returncode == 2
    for word in ("another --out", "segmind-swap emulator", "SEGMIND_BASE_URL"):
        assert word in again.stderr


@pytest.mark.parametrize(
    ("options", "fault", "code", "counts"),
    [
        ([], Fault(on="submit", calls=(2,), cut="after-body"), 4, {"saved": 7, "unknown": 1}),
        (["--timeout", "0.05"], None, 3, {"accepted": 8}),
        (["--budget", "0.5"], None, 5, {"saved": 3, "pending": 5}),
        ([], Fault(on="submit", status=401), 5, {"pending": 8}),
        ([], Fault(on="submit", calls=(2,), status=400), 1, {"saved": 7, "rejected": 1}),
        (["--strict"], Fault(on="submit", calls=(2,), status=503), 4, {"saved": 7, "unknown": 1}),
    ],
)
def test_the_exit_code_tells_what_is_most_urgent(
    folder: Path, options: list[str], fault: Fault | None, code: int, counts: dict[str, int]
) -> None:
    with an_emulator(speed=1000.0, faults=[fault] if fault else []) as (_, service):
        done = segmind_swap(*BATCH, "--concurrency", "2", "--json", *options, cwd=folder, **service)
    assert done.returncode == code, done.stderr
    told = json.loads(done.stdout)
    assert told["states"] == counts
    assert (told["stopped_by"] is None) == (code != 5)
    assert sorted(results(folder)) == [f"s{n}" for n in range(8)], "no input is dropped"
    assert "Traceback" not in done.stderr


def test_a_journal_of_another_service_is_refused_as_a_mistake_of_use(folder: Path) -> None:
    with an_emulator(speed=1000.0) as (_, service):
        assert segmind_swap(*BATCH, cwd=folder, **service).returncode == 0
    with an_emulator() as (emulator, service):
        done = segmind_swap(*BATCH, cwd=folder, **service)
        assert emulator.calls == ()
    assert done.returncode == 2
    assert "belongs to the origin" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_whose_input_did_not_come_again_is_brought_home_and_counts_as_no_input(folder: Path) -> None:
    with an_emulator(speed=100.0) as (emulator, service):
        assert segmind_swap(*BATCH, "--timeout", "0.05", cwd=folder, **service).returncode == 3
        (folder / "scenes" / "s0.png").unlink()
        done = segmind_swap(*BATCH, "--json", cwd=folder, **service)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["states"] == {"saved": 7}
        assert sorted(results(folder)) == [f"s{n}" for n in range(8)]
        assert len(emulator.ledger) == 8
    assert (folder / "out" / "s0.png").is_file()


# Interrupted


def test_the_first_ctrl_c_finishes_what_is_in_flight_and_the_same_command_goes_on(folder: Path) -> None:
    with a_held_emulator() as (emulator, service, release):
        with begun(*BATCH, "--concurrency", "3", cwd=folder, **service) as process:
            until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 3)
            process.send_signal(signal.SIGINT)
            read_until(process, "finishing 3 in flight; press Ctrl-C again to stop now")
            release.set()
            out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert "3 of 8 saved" in out
        assert re.search("^  3  saved .*^  5  pending ", out, re.MULTILINE | re.DOTALL)
        assert len(emulator.ledger) == 3
        command = shlex.split(out.splitlines()[-1])
        assert command == ["segmind-swap", *BATCH, "--concurrency", "3"]
        done = segmind_swap(*BATCH, cwd=folder, **service)
        assert done.returncode == 0, done.stderr
        assert "8 of 8 saved" in done.stdout
        assert (len(emulator.ledger), emulator.paid_twice()) == (8, [])


def test_the_second_signal_ends_at_once_and_the_next_run_waits_for_what_was_in_flight(folder: Path) -> None:
    with a_held_emulator() as (emulator, service, release):
        with begun(*BATCH, "--concurrency", "3", "--json", cwd=folder, **service) as process:
            until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 3)
            process.terminate()
            read_until(process, "send the signal again")
            process.terminate()
            out, err = process.communicate(timeout=PATIENCE)
        release.set()
        assert process.returncode == 143
        assert json.loads(out)["states"] == {"accepted": 3, "pending": 5}
        assert "Traceback" not in err
        assert len(results(folder)) == 8
        done = segmind_swap(*BATCH, cwd=folder, **service)
        assert done.returncode == 0, done.stderr
        assert (len(emulator.ledger), emulator.paid_twice()) == (8, [])


def test_a_run_that_was_killed_goes_on_and_pays_nothing_twice(folder: Path) -> None:
    with an_emulator(speed=30.0) as (emulator, service):
        with begun(*BATCH, "--concurrency", "3", cwd=folder, **service) as process:
            until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 3)
            process.kill()
        done = segmind_swap(*BATCH, "--json", cwd=folder, **service)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["states"] == {"saved": 8}
        assert (len(emulator.ledger), emulator.paid_twice()) == (8, [])


def test_sigterm_is_heard_where_a_script_ignores_sigint(folder: Path) -> None:
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); " + MAIN
    with (
        a_held_emulator() as (_, service, release),
        begun(*BATCH, "--concurrency", "2", cwd=folder, program=ignoring, **service) as process,
    ):
        until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 2)
        process.send_signal(signal.SIGINT)
        process.terminate()
        read_until(process, "finishing 2 in flight; send the signal again")
        release.set()
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert "2 of 8 saved" in out


async def test_what_the_work_raises_is_raised_as_it_is() -> None:
    async def work() -> None:
        raise ConfigurationError("a mistake")

    async def beside() -> None:
        pass

    with pytest.raises(ConfigurationError, match="a mistake"):
        await Interrupts(lambda number: None).during(work, beside=beside)


# On a terminal


def on_a_terminal(*arguments: str, cwd: Path, **env: str) -> tuple[subprocess.Popen[bytes], bytearray]:
    """A process whose terminal is 100 columns wide, and what it has written to it so far."""
    ours, theirs = pty.openpty()
    everything = environment(COLUMNS="100", LINES="30", TERM="xterm", **env)
    del everything["NO_COLOR"]
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=cwd, env=everything, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(ours, 65536):
                seen.extend(chunk)
        except OSError:
            pass  # Linux's way to say that nobody is at the other end
        os.close(ours)

    threading.Thread(target=read, daemon=True).start()
    return process, seen


def words_of(screen: bytearray) -> str:
    """What was shown, without colours and movements, and wherever its lines ended."""
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.decode(errors="replace")))


def test_on_a_terminal_a_few_lines_live_and_nothing_of_a_server_is_interpreted(folder: Path) -> None:
    reason = "the \x1b[2J\x1b]0;title\x07 [bold]face[/nothing] :cat:"
    faults = [
        Fault(on="submit", calls=(3,), status=429, headers={"retry-after": "2"}),
        Fault(on="poll", calls=(1,), status=200, body={"status": "FAILED", "error": reason}),
    ]
    with an_emulator(speed=25.0, faults=faults) as (_, service):
        command = [*BATCH, "--concurrency", "2", "--budget", "5"]
        process, seen = on_a_terminal(*command, cwd=folder, **service)
        try:
            until(lambda: re.search(r"[1-9] done · [12] in flight", words_of(seen)))
            until(lambda: "left" in words_of(seen))
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 130
        finally:
            process.kill()
            process.wait()
        until(lambda: "the same command goes on" in words_of(seen))
    text = words_of(seen)
    for shown in (
        r"of 8",
        r"[0-9] done · [0-9] in flight · [0-9] waiting · 1 failed · 0 unknown",
        r"swaps a minute · about \d+ s left",
        r"\$0\.\d\d committed of a budget of \$5\.00, about \$1\.\d\d for all",
        r"rate limited \(429\): going on in [12] s",
        r"finishing [012] in flight; press Ctrl-C again to stop now",
        r"saved s[0-9] \d\.\d s",
        r"\[bold\]face\[/nothing\] :cat:",
    ):
        assert re.search(shown, text), shown
    assert b"\x1b[2J" not in seen
    assert b"\x1b]0" not in seen
    assert seen.count(b"\x1b[?25l") == seen.count(b"\x1b[?25h"), "the cursor is shown again"


def test_where_nobody_watches_pauses_and_outages_are_lines_and_so_is_a_service_that_is_away(
    capsys: pytest.CaptureFixture[str],
) -> None:
    limits = Limits(concurrency=2, rpm=None, budget_usd=None, price_usd=0.25)
    ids = frozenset({"a", "b", "c"})
    plan = Plan(states=Counter({OutcomeState.PENDING: 3}), unsent=ids, settled=frozenset(), committed_usd=1.0)
    progress = Progress(plan, limits)
    retry = RetryScheduled(
        call="upload",
        id=None,
        job=None,
        attempt=1,
        delay=1.0,
        cause="no\x1b[2J answer",
        status_code=None,
    )
    for event in (
        retry,
        RateLimited(call="submit", delay=9.0),
        RateLimited(call="submit", delay=9.0),
        OutageBegan(delay=5.0, cause="the submit was answered 503"),
        OutageEnded(),
    ):
        progress(event)
    progress.beat()
    progress.beat()
    progress(Uploaded(url="https://x.example/a", size_bytes=1))
    progress(Submitting(id="a", attempt=1))
    progress.beat()
    progress.ended(
        SwapOutcome(
            request=SwapRequest(id="a", reference_character_image="r.png", character_image="s.png"),
            state=OutcomeState.UNKNOWN,
            error=SubmissionUnknownError("perhaps [bold]paid"),
        )
    )
    progress.stopping("press Ctrl-C again")
    assert re.sub(r" +", " ", capsys.readouterr().err).splitlines() == [
        "rate limited (429): going on in 9 s",
        "the service does not answer (the submit was answered 503): asked again in 5 s",
        "the service answers again",
        " 0 s 0 of 3: 0 done, 0 in flight, 3 waiting, 0 failed, 0 unknown; $1.00 committed;"
        " no\\x1b[2J answer, tried again",
        " 0 s 0 of 3: 0 done, 1 in flight, 2 waiting, 0 failed, 0 unknown; $1.00 committed",
        "unknown a: perhaps [bold]paid",
        "finishing 0 in flight; press Ctrl-C again to stop now",
    ]


# What is decided by hand


def test_status_and_resolve_settle_what_a_batch_cannot(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [Fault(on="submit", calls=(1, 2, 3), cut="after-body")]
    with an_emulator(speed=1000.0, faults=faults) as (emulator, service):
        assert segmind_swap(*BATCH, "--concurrency", "1", cwd=folder, **service).returncode == 4
        for journal in ("out", "out/journal.db"):
            summary = asked("status", journal, "--json", cwd=folder, monkeypatch=monkeypatch)
            assert json.loads(summary.stdout) == {
                "states": {"saved": 5, "unknown": 3},
                "reserved_usd": pytest.approx(3 * 0.1522),
                "spent_usd": pytest.approx(5 * 0.1522),
                "unknown": ["s0", "s1", "s2"],
            }
        told = segmind_swap("status", "out", cwd=folder).stdout
        assert "8 swaps in out/journal.db" in told
        assert "money: $0.76 spent, $0.46 reserved" in told
        assert "segmind-swap resolve out s0 --resubmit" in told

        poll_url = f"{service['SEGMIND_BASE_URL']}/workflows/request/{emulator.ledger[1].request_id}"
        for id, decision, money in (
            ("s0", ["--resubmit"], "paid: about $0.15"),
            ("s1", ["--wait-again", "--poll-url", poll_url], "which is free"),
            ("s2", ["--abandon"], "What it may have cost stays counted"),
        ):
            decided = asked("resolve", "out", id, *decision, cwd=folder, monkeypatch=monkeypatch)
            assert (decided.exit_code, decided.stderr) == (0, "")
            assert decided.stdout.startswith(f"{id} ")
            assert money in decided.stdout
            assert "segmind-swap batch" in decided.stdout
        done = segmind_swap(*BATCH, "--json", cwd=folder, **service)
        assert done.returncode == 1
        assert json.loads(done.stdout)["states"] == {"saved": 7, "abandoned": 1}
        assert len(emulator.ledger) == 9, "only the one that was decided so is paid again"


def test_a_decision_is_one_of_three_and_about_a_swap_that_is_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with an_emulator(speed=1000.0, faults=[Fault(on="submit", calls=(1,), status=400)]) as (_, service):
        assert segmind_swap(*BATCH, cwd=folder, **service).returncode == 1
    for arguments, complaint in (
        (["out", "s0"], "exactly one of --resubmit, --abandon and --wait-again"),
        (["out", "s0", "--resubmit", "--abandon"], "exactly one"),
        (["out", "s0", "--abandon", "--poll-url", "https://x.example/1"], "goes with --wait-again"),
        (["out", "nobody", "--abandon"], "knows no swap 'nobody'"),
        (["out", "s7", "--resubmit"], "does not let"),
        (["nowhere", "s0", "--resubmit"], "there is no journal"),
    ):
        done = asked("resolve", *arguments, cwd=folder, monkeypatch=monkeypatch)
        assert (done.exit_code, done.stdout) == (2, ""), arguments
        assert complaint in done.stderr
    missing = asked("status", "nowhere", "--json", cwd=folder, monkeypatch=monkeypatch)
    assert missing.exit_code == 2
    assert json.loads(missing.stdout)["error"] == "JournalError"


def test_status_can_be_asked_while_a_batch_runs(folder: Path) -> None:
    with an_emulator(speed=1.0) as (_, service), begun(*BATCH, cwd=folder, **service):
        until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 8)
        told = segmind_swap("status", "out", cwd=folder)
        assert (told.returncode, "8  accepted" in told.stdout) == (0, True)
        busy = segmind_swap("resolve", "out", "s0", "--abandon", cwd=folder)
        assert (busy.returncode, "in use" in busy.stderr) == (2, True)


# Small things


def test_help_names_the_commands_of_a_batch_with_an_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overview = asked("--help", cwd=tmp_path, monkeypatch=monkeypatch).stdout
    assert "5 stopped before every input was submitted" in re.sub(r"\s+", " ", overview)
    for command in ("batch", "status", "resolve"):
        assert command in overview
        told = asked(command, "--help", cwd=tmp_path, monkeypatch=monkeypatch).stdout
        assert f"Example: segmind-swap {command}" in told


def test_a_line_to_be_kept_is_shown_and_a_warning_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    handler = KeptLines(logging.ERROR)
    log = logging.getLogger("segmind_swap.test_of_kept_lines")
    log.addHandler(handler)
    log.propagate = False
    log.warning("seen by nobody")
    log.error("the job of %r is accepted: keep this line\x1b[2J", "a")
    assert capsys.readouterr().err == "segmind-swap: the job of 'a' is accepted: keep this line\\x1b[2J\n"


def test_what_a_terminal_would_interpret_is_spelt_out() -> None:
    assert plain("a\x1b[1m\x07\x9b\u202eb\nc") == "a\\x1b[1m\\x07\\x9b\\u202eb\nc"
    assert one_line("a\n  b\tc\x00") == "a b c\\x00"
    assert plain("café 👩‍👩‍👧 日本") == "café 👩‍👩‍👧 日本"


def test_times_are_told_in_the_units_that_fit() -> None:
    assert [lasting(seconds) for seconds in (0.4, 59, 61, 3599.7, 7260)] == [
        "0 s",
        "59 s",
        "1 min 01 s",
        "1 h 00 min",
        "2 h 01 min",
    ]


def test_a_command_is_one_that_a_shell_takes_whatever_the_id() -> None:
    assert resolve_command(Path("my out"), "it's", "--abandon") == (
        "segmind-swap resolve 'my out' 'it'\"'\"'s' --abandon"
    )
    assert resolve_command(Path("out"), "-x", "--abandon") == "segmind-swap resolve out --abandon -- -x"


def test_the_time_left_is_told_by_what_was_seen_and_not_by_a_wave_that_ends_together() -> None:
    pace = Pace(concurrency=4)
    assert pace.left(0.0, 8, [0.0] * 4) is None
    for _ in range(4):
        pace.ended(72.0, 72.0)
    assert pace.left(72.0, 4, [0.0] * 4) == pytest.approx(144.0)
    assert pace.left(108.0, 4, [36.0] * 4) == pytest.approx(108.0)
    assert pace.left(72.0, 0, []) == 0.0
    # Nothing ended for ten minutes: whatever holds them up is part of the pace.
    assert pace.a_second(672.0) == pytest.approx(4 / 600)


def test_a_swap_of_an_earlier_run_tells_nothing_about_durations() -> None:
    pace = Pace(concurrency=4)
    pace.ended(1.0, None)
    assert pace.a_second(2.0) is None


def test_a_journal_that_cannot_be_used_is_a_mistake_of_use() -> None:
    assert code_of(JournalError("x", path="j")) is Exit.USAGE

"""The check before a batch: what it tells of the inputs, and what `--skip-bad` leaves out."""

import os
import shutil
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from segmind_swap.cli._terminal.exit_codes import ExitCode
from segmind_swap.emulator import Fault

from ..processes import BATCH, HANDLING_SIGINT, drawn, environment, results
from .shell import Shell


def damaged() -> bytes:
    """A WebP whose header is sound and whose pixels are not."""
    buffer = BytesIO()
    drawn(7, (240, 160)).save(buffer, "WEBP", lossless=True)
    data = bytearray(buffer.getvalue())
    third = len(data) // 3
    data[third : third + 300] = b"\xff" * 300
    return bytes(data)


def test_a_dry_run_tells_copies_with_their_cost_and_pictures_of_one_colour(
    folder: Path, shell: Shell
) -> None:
    scenes = folder / "scenes"
    shutil.copy(scenes / "s1.png", scenes / "s1-copy.png")
    shutil.copy(scenes / "s2.png", scenes / "s2-copy.png")
    Image.open(scenes / "s3.png").save(scenes / "s3-again.jpg", quality=92)
    Image.new("RGB", (64, 48)).save(scenes / "black.png")
    done = shell.run(*BATCH, "--dry-run", cwd=folder)
    assert done.stdout.splitlines()[:3] == [
        "inputs   12, all of them usable",
        "         3 look like others (about $0.46): s1-copy = s1, s2-copy = s2, s3-again ~ s3; 2 identical:"
        " --once-per-picture pays once for those",
        "         1 picture of one colour: black.png",
    ]
    once = shell.run(*BATCH, "--dry-run", "--once-per-picture", cwd=folder)
    assert "3 look like others (about $0.15): s1-copy = s1" in once.stdout
    assert "2 identical, so copied for free" in once.stdout
    assert "submit   10\ncopy     2, free: others have their pictures\ncost     about $1.52" in once.stdout
    fields = shell.json(*BATCH, "--dry-run", "--once-per-picture", cwd=folder)
    assert (fields["to_submit"], fields["to_copy"], fields["cost_usd"]) == (10, 2, 1.522)
    assert fields["copies"] == [
        {"id": "s1-copy", "of": "s1", "identical": True},
        {"id": "s2-copy", "of": "s2", "identical": True},
        {"id": "s3-again", "of": "s3", "identical": False},
    ]
    assert fields["flat"] == [{"picture": str(scenes / "black.png"), "ids": ["black"]}]
    assert (fields["undecoded"], fields["decoded"], fields["left_out"]) == ([], True, [])
    assert shell.emulator.calls == ()


def test_damage_that_no_header_shows_is_refused_and_left_out_if_that_is_asked_for(
    folder: Path, shell: Shell
) -> None:
    (folder / "scenes" / "bad.webp").write_bytes(damaged())
    (folder / "scenes" / "worse.png").write_text("no picture")
    refused = shell.run(*BATCH, cwd=folder)
    assert refused.exit_code == ExitCode.USAGE
    first, *causes, hint = refused.stderr.splitlines()
    assert first == "segmind-swap: 2 inputs cannot be used; nothing was sent"
    assert causes[0].startswith(f"  bad: {folder}/scenes/bad.webp: it cannot be decoded")
    assert "save it again in a program that shows it, or leave it out" in causes[0]
    assert causes[1].startswith(f"  worse: {folder}/scenes/worse.png: it is no picture")
    assert hint == "  --skip-bad leaves them out, and continues with the other 8"
    assert shell.emulator.calls == ()
    (folder / "scenes" / "notes.txt").write_text("no picture")
    dry = shell.run(*BATCH, "--dry-run", cwd=folder)
    assert (dry.exit_code, dry.stderr) == (ExitCode.USAGE, refused.stderr)
    for line in (
        "inputs   8 of 10 are usable\n",
        "1 passed over: 1 other file (notes.txt)",
        "cost     about $1.22",
    ):
        assert line in dry.stdout, "what else there is to know comes too"
    assert "left out" not in dry.stdout

    plan = shell.json(*BATCH, "--dry-run", "--skip-bad", cwd=folder)
    assert (plan["inputs"], [bad["id"] for bad in plan["left_out"]]) == (8, ["bad", "worse"])
    dry = shell.run(*BATCH, "--dry-run", "--skip-bad", cwd=folder)
    assert dry.exit_code == ExitCode.DONE
    assert dry.stdout.startswith(
        "inputs   8 of 10 are usable\n         2 inputs cannot be used, and are left"
    )

    done = shell.run(*BATCH, "--skip-bad", cwd=folder)
    assert done.exit_code == ExitCode.DONE
    assert "2 cannot be used, and were left out" in done.stdout
    assert "segmind-swap: 2 inputs cannot be used, and are left out" in done.stderr
    assert shell.paid == 8
    states = {id: line["state"] for id, line in results(folder).items()}
    assert states == {
        **{f"s{number}": "saved" for number in range(8)},
        "bad": "rejected",
        "worse": "rejected",
    }
    assert "worse.png: it is no picture" in (folder / "out" / "report.html").read_text()
    again = shell.json(*BATCH, "--skip-bad", cwd=folder)
    assert (again["states"], again["left_out"], shell.paid) == ({"saved": 8}, 2, 8)


def test_rows_that_are_no_pair_are_left_out_too_and_nothing_at_all_is_a_mistake(
    folder: Path, shell: Shell
) -> None:
    rows = ["a,hero.png,scenes/s0.png", "b,hero.png", "c,hero.png,gone.png", "A,hero.png,scenes/s1.png"]
    (folder / "pairs.csv").write_text("\n".join(["id,reference,scene", *rows]))
    batch = ["batch", "pairs.csv", "--out", "out", "--poll-interval", "0.1", "--skip-bad"]
    done = shell.json(*batch, cwd=folder)
    assert (done["states"], done["left_out"], shell.paid) == ({"saved": 1}, 3, 1)
    (folder / "pairs.csv").write_text("\n".join(["id,reference,scene", *rows[1:3]]))
    none = shell.run(*batch, cwd=folder)
    assert none.exit_code == ExitCode.USAGE
    assert none.stderr.startswith("segmind-swap: no input can be used of 2; nothing was sent")


def test_equal_pictures_are_paid_once_and_a_later_copy_is_free(folder: Path, shell: Shell) -> None:
    for number in (1, 2):
        shutil.copy(folder / "scenes" / "s0.png", folder / "scenes" / f"s0-{number}.png")
    done = shell.run(*BATCH, "--once-per-picture", "--budget", "1.22", cwd=folder)
    assert done.exit_code == 0, done.stderr
    assert "10 of 10 saved" in done.stdout
    assert "2 are copies of others, free" in done.stdout
    assert "cost     $1.22 of a budget of $1.22" in done.stdout
    assert shell.paid == 8
    lines = results(folder)
    group = [lines[id] for id in ("s0", "s0-1", "s0-2")]
    assert len({Path(line["path"]).read_bytes() for line in group}) == 1
    assert len([line for line in group if line["copy_of"] is None]) == 1
    assert "a copy of s0" in (folder / "out" / "report.html").read_text()
    shutil.copy(folder / "scenes" / "s5.png", folder / "scenes" / "s5-1.png")
    plan = shell.json(*BATCH, "--dry-run", "--once-per-picture", cwd=folder)
    assert (plan["to_submit"], plan["to_copy"]) == (0, 1)
    assert plan["copies"] == [{"id": "s5-1", "of": "s5", "identical": True}]
    again = shell.json(*BATCH, "--once-per-picture", cwd=folder)
    assert (again["states"], again["copies"], shell.paid) == ({"saved": 11}, 3, 8)
    assert again["committed_usd"] == pytest.approx(8 * 0.1522)


def test_scenes_in_folders_below_are_paid_once_each(folder: Path, shell: Shell) -> None:
    (folder / "scenes" / "day2").mkdir()
    drawn(50).save(folder / "scenes" / "day2" / "s0.png")
    (folder / "scenes" / "day2" / "circle").symlink_to("..")
    for _ in range(2):
        done = shell.json(*BATCH, "--recursive", "--out", "scenes/out", cwd=folder)
        assert (done["states"], shell.paid) == ({"saved": 9}, 9)
    assert (folder / "scenes" / "out" / "day2__s0.png").is_file()
    refused = shell.run("batch", "pairs.csv", "--out", "out", "--recursive", cwd=folder)
    assert refused.exit_code == ExitCode.USAGE


def test_without_pillow_the_check_says_once_what_to_install(folder: Path) -> None:
    (folder / "PIL.py").write_text("raise ImportError('no Pillow here')")
    shutil.copy(folder / "scenes" / "s1.png", folder / "scenes" / "s1-copy.png")
    hidden = "import sys, importlib.util as u; find = u.find_spec; "
    hidden += "u.find_spec = lambda name, *more: None if name == 'PIL' else find(name, *more); "
    run = "from segmind_swap.cli import main; main()"
    command = [sys.executable, "-c", hidden + run, *BATCH, "--dry-run"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("no picture was decoded, so damage may be hidden") == 1
    assert "extra review of segmind-swap" in done.stdout
    assert "1 looks like another (about $0.15): s1-copy = s1; 1 identical" in done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows sends no SIGINT to one process")
def test_ctrl_c_ends_a_long_check_and_nothing_is_sent(folder: Path) -> None:
    slow = "import time; from segmind_swap._review.checks.inputs import InputLooks as L; look = L.look; "
    slow += (
        "L.look = lambda self, data: (print('looking', flush=True), time.sleep(0.3), look(self, data))[2]; "
    )
    run = "from segmind_swap.cli import main; main()"
    for number in range(100, 160):
        drawn(number).save(folder / "scenes" / f"{number}.png")
    command = [sys.executable, "-c", f"{HANDLING_SIGINT}; {slow}{run}", *BATCH, "--dry-run"]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "looking\n"
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        process.communicate(timeout=60)
        assert time.monotonic() - started < 30
    assert process.returncode == ExitCode.INTERRUPTED


def test_copies_of_a_swap_in_doubt_are_told_with_it_and_wait_for_a_decision(
    folder: Path, shell: Shell
) -> None:
    for number in (1, 2):
        shutil.copy(folder / "scenes" / "s0.png", folder / "scenes" / f"s0-{number}.png")
    shell.emulator.inject(Fault(on="submit", calls=(1,), cut="after-body"))
    batch = [*BATCH, "--once-per-picture", "--concurrency", "1"]
    for _ in range(2):
        done = shell.run(*batch, cwd=folder)
        assert done.exit_code == ExitCode.UNKNOWN
        told = "s0-1, s0-2: its pictures are those of 's0', which may be paid"
        assert f"\n  {told}" in done.stdout
        assert "continues the batch" not in done.stdout
        assert shell.paid == 8
    assert shell.run("resolve", "out", "s0", "--abandon", cwd=folder).exit_code == 0
    assert shell.json(*batch, cwd=folder)["states"] == {"saved": 9, "abandoned": 1}
    assert shell.paid == 9

"""The job of a swap, kept beside its target until the picture is saved."""

import os
import signal
from pathlib import Path

import anyio
import pytest

from segmind_swap import ConfigurationError, SwapFailedError, SwapJob, SwapResult
from segmind_swap.cli._job_file import JobFile
from segmind_swap.emulator import Fault

from .processes import PAIR, QUICK, a_held_emulator, an_emulator, read_until, running, segmind_swap

JOB = SwapJob(poll_url="https://api.segmind.com/workflows/request/1", workflow="w")
OTHER = SwapJob(poll_url="https://api.segmind.com/workflows/request/2", workflow="w")
RESULT = SwapResult(job=JOB, url="https://images.segmind.com/1.png", outputs=(), seconds=1.0)


def test_an_accepted_job_is_on_the_disk_before_it_is_told(folder: Path) -> None:
    kept = folder / "out.png.job.json"
    with a_held_emulator() as (emulator, service, release):
        with running("swap", *PAIR, "--out", "out.png", cwd=folder, **service) as process:
            said = read_until(process, "segmind-swap wait")
            job = SwapJob.model_validate_json(kept.read_text())
            assert f"segmind-swap wait {job.poll_url} --out out.png" in said
            assert not (folder / "out.png").exists()
            # Nothing of the program runs any more: no handler, no message.
            process.send_signal(signal.SIGKILL)
            process.wait()
        again = segmind_swap("swap", *PAIR, "--out", "out.png", "--overwrite", cwd=folder, **service)
        assert again.returncode == 2
        assert "segmind-swap wait out.png.job.json --out out.png" in again.stderr
        assert len(emulator.ledger) == 1
        release.set()
        done = segmind_swap(
            "wait", "out.png.job.json", "--out", "out.png", cwd=folder, command=QUICK, **service
        )
        assert done.returncode == 0, done.stderr
    assert (folder / "out.png").exists()
    assert not kept.exists()


def test_a_saved_swap_leaves_no_file(folder: Path) -> None:
    with an_emulator() as (_, service):
        done = segmind_swap("swap", *PAIR, "--out", "out.png", cwd=folder, command=QUICK, **service)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.glob("*out*")] == ["out.png"]


def test_a_failed_job_leaves_no_file_and_one_that_is_late_does(folder: Path) -> None:
    fails = Fault(on="poll", calls=(1,), status=200, body={"status": "FAILED", "error": "no face"})
    with an_emulator(faults=[fails]) as (_, service):
        failed = segmind_swap("swap", *PAIR, "--out", "out.png", cwd=folder, command=QUICK, **service)
        assert failed.returncode == 6, failed.stderr
        assert not (folder / "out.png.job.json").exists()
    with an_emulator(duration=36000) as (_, service):
        late = segmind_swap("swap", *PAIR, "--out", "out.png", "--timeout", "0.1", cwd=folder, **service)
        assert late.returncode == 3, late.stderr
    assert (folder / "out.png.job.json").exists()


def test_a_job_of_the_commands_own_emulator_is_not_kept_and_no_command_is_told(folder: Path) -> None:
    (folder / "out.png.job.json").write_text(JOB.model_dump_json())
    done = segmind_swap("swap", *PAIR, "--out", "out.png", "--emulator", "--engine", "none", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "segmind-swap wait" not in done.stderr
    assert (folder / "out.png.job.json").read_text() == JOB.model_dump_json()


def test_the_file_is_flushed_before_it_gets_its_name_and_its_folder_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = JobFile(tmp_path / "out.png")
    seen: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append((tmp_path / "out.png.job.json").exists()))
    file.write(JOB)
    assert seen == [False, True]
    assert SwapJob.model_validate_json((tmp_path / "out.png.job.json").read_text()) == JOB


def test_a_file_that_cannot_be_written_or_removed_ends_no_swap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def saved() -> SwapResult:
        return RESULT

    (tmp_path / "a.job.json").mkdir()
    file = JobFile(tmp_path / "a")
    file.write(JOB)
    assert f"the job could not be written to {tmp_path / 'a.job.json'}" in capsys.readouterr().err
    assert anyio.run(file.removed_after, saved()) == RESULT
    assert "could not be removed" in capsys.readouterr().err
    JobFile(Path()).check()
    JobFile(Path()).write(JOB)


async def test_a_file_of_another_job_is_kept(tmp_path: Path) -> None:
    async def saved() -> SwapResult:
        return RESULT

    file = JobFile(tmp_path / "out.png")
    file.write(OTHER)
    await file.removed_after(saved())
    with pytest.raises(ConfigurationError, match="billed and not saved"):
        file.check()
    file.write(JOB)
    await file.removed_after(saved())
    file.check()


async def test_a_job_that_failed_needs_no_file_and_one_that_broke_off_does(tmp_path: Path) -> None:
    async def failed() -> SwapResult:
        raise SwapFailedError("no face", reason="no face", job=JOB)

    async def broken() -> SwapResult:
        raise OSError("cut")

    file = JobFile(tmp_path / "out.png")
    file.write(JOB)
    with pytest.raises(OSError, match="cut"):
        await file.removed_after(broken())
    assert list(tmp_path.iterdir()) == [tmp_path / "out.png.job.json"]
    with pytest.raises(SwapFailedError):
        await file.removed_after(failed())
    assert list(tmp_path.iterdir()) == []

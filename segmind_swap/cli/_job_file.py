"""`OUT.job.json`: the accepted and billed job of a swap whose picture is not saved yet."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable
from pathlib import Path

from segmind_swap import ConfigurationError, SwapFailedError, SwapJob, SwapResult

from ._report.atomic_file import atomic_file
from ._terminal.errors import print_error


class JobFile:
    """The file beside the target of a swap, from which any later `segmind-swap wait` can continue.

    Attributes:
        path: The file: the target's name and `.job.json`.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self.path = out.with_name(f"{out.name}.job.json") if out.name else None

    def check(self) -> None:
        """Refuses to pay for a new swap while the file keeps a job that is billed and not saved.

        Raises:
            ConfigurationError: There is such a file.
        """
        if self.path is not None and self.path.exists():
            command = shlex.join(["segmind-swap", "wait", str(self.path), "--out", str(self._out)])
            raise ConfigurationError(
                f"{self.path} keeps the job of an earlier swap, which is billed and not saved; to download"
                f" its picture, which is free:\n  {command}\nto give the picture up, delete the file"
            )

    def write(self, job: SwapJob) -> None:
        """Writes the job to the disk. An error is printed: the swap continues without the file."""
        if self.path is None:
            return
        try:
            with atomic_file(self.path) as file:
                file.write(job.model_dump_json() + "\n")
        except OSError as exc:
            print_error(f"the job could not be written to {self.path}: {exc.strerror or exc}")

    async def removed_after(self, work: Awaitable[SwapResult]) -> SwapResult:
        """Awaits a swap or a wait. Removes the file when the picture is saved or the job has failed."""
        try:
            result = await work
        except SwapFailedError as exc:
            if exc.job is not None:
                self._remove(exc.job)
            raise
        self._remove(result.job)
        return result

    def _remove(self, job: SwapJob) -> None:
        """Removes the file if it keeps this job. An error is printed."""
        if self.path is None:
            return
        try:
            kept = SwapJob.model_validate_json(self.path.read_text(encoding="utf-8"))
            if (kept.poll_url, kept.outputs) == (job.poll_url, job.outputs):
                self.path.unlink()
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as exc:
            print_error(f"{self.path} could not be removed: {exc}")

"""The entry point of the program."""

from pathlib import Path

from .processes import program, segmind_swap


def test_without_its_extra_it_says_what_to_install(folder: Path) -> None:
    for missing, extra, code in (
        ("typer", "the extra cli of segmind-swap", 1),
        ("uvicorn", "the extra emulator of segmind-swap", 2),
    ):
        # In isolated mode Python starts, and loads the program while the package is missing.
        interpreter, *program_of_it = program(f"import sys; sys.modules[{missing!r}] = None")
        command = [interpreter, "-I", *program_of_it]
        done = segmind_swap("emulator", "--port", "0", cwd=folder, command=command)
        assert done.returncode == code
        assert extra in done.stderr
        assert "Traceback" not in done.stderr

"""`segmind-swap pictures`: what it writes, what it refuses to replace, and that its example works."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from segmind_swap.gallery import CHARACTERS, SCENES, path

from .processes import segmind_swap

FILES = {
    **{f"characters/{name}.webp": path(name).read_bytes() for name in CHARACTERS},
    **{f"scenes/{name}.webp": path(name).read_bytes() for name in SCENES},
}


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def test_the_pictures_are_copied_and_the_command_that_is_printed_makes_a_swap(tmp_path: Path) -> None:
    done = segmind_swap("pictures", "my pictures", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert files_in(tmp_path / "my pictures") == FILES
    wrote = re.findall(r"^wrote my pictures/(.+)$", done.stdout, re.MULTILINE)
    assert sorted(wrote) == sorted(FILES)
    (example,) = re.findall(r"^  segmind-swap (swap .*)$", done.stdout, re.MULTILINE)
    words = shlex.split(example)
    assert "--emulator" in words
    swapped = segmind_swap(*words, cwd=tmp_path)
    assert swapped.returncode == 0, swapped.stderr
    assert "saved knight-cafe.png" in swapped.stdout
    assert (tmp_path / "knight-cafe.png").stat().st_size > 0


def test_a_second_run_changes_nothing_and_writes_only_what_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    segmind_swap("pictures", "pictures", cwd=tmp_path)
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*.webp")}
    again = segmind_swap("pictures", "pictures", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert "all 12 pictures are in pictures already" in again.stdout
    assert "wrote" not in again.stdout
    (folder / "scenes" / "train.webp").unlink()
    third = segmind_swap("pictures", "pictures", cwd=tmp_path)
    assert third.returncode == 0
    assert re.findall(r"wrote (.+)", third.stdout) == ["pictures/scenes/train.webp"]
    assert "11 pictures were there already" in third.stdout
    assert files_in(folder) == FILES
    after = {file: file.stat().st_mtime_ns for file in before if file.name != "train.webp"}
    assert after.items() <= before.items()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_another_file_of_the_same_name_is_not_replaced_and_nothing_is_written(
    kind: str, tmp_path: Path
) -> None:
    taken = tmp_path / "pictures" / "scenes" / "beach.webp"
    if kind == "folder":
        taken.mkdir(parents=True)
    else:
        taken.parent.mkdir(parents=True)
        taken.write_bytes(b"my own picture")
    before = files_in(tmp_path)
    done = segmind_swap("pictures", "pictures", cwd=tmp_path)
    assert done.returncode == 2
    assert "nothing was written" in done.stderr
    assert "pictures/scenes/beach.webp" in done.stderr
    assert done.stdout == ""
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("place", ["pictures", "pictures/scenes"])
def test_it_says_which_folder_it_cannot_write(place: str, tmp_path: Path) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("a file")
    done = segmind_swap("pictures", "pictures", cwd=tmp_path)
    assert done.returncode == 2
    assert "cannot write to pictures" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_does_not_load_pillow_or_the_emulator(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['PIL'] = sys.modules['starlette'] = None\n"
        "sys.argv = ['segmind-swap', 'pictures', '.']\n"
        "from segmind_swap.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert files_in(tmp_path) == FILES

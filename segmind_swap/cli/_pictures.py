"""Copies the bundled pictures into a folder, as inputs of a first swap."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from segmind_swap.gallery import CHARACTERS, PAIRS, SCENES, path

from ._terminal.console import print_text
from ._terminal.errors import exit_with_error
from ._terminal.exit_codes import ExitCode


def copy_pictures(folder: Path) -> None:
    """Copies the pictures and prints each file and a command to try.

    The scenes have a folder of their own, because `segmind-swap batch` takes a folder of scenes.
    """
    targets = {name: folder / "characters" / f"{name}.webp" for name in CHARACTERS}
    targets |= {name: folder / "scenes" / f"{name}.webp" for name in SCENES}
    try:
        missing = _missing(targets)
        for name, target in missing.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(path(name), target)
            print_text(f"wrote {target}")
    except OSError as exc:
        exit_with_error(ExitCode.USAGE, f"cannot write to {folder}: {exc.strerror or exc}")
    if not missing:
        print_text(f"all {len(targets)} pictures are in {folder} already")
    elif len(missing) < len(targets):
        print_text(f"{len(targets) - len(missing)} pictures were there already")
    print_text("to try a swap that costs nothing:")
    print_text(f"  {_example(targets)}")


def _missing(targets: Mapping[str, Path]) -> dict[str, Path]:
    """The targets that do not exist; ends the command if a target is another file."""
    missing: dict[str, Path] = {}
    others: list[Path] = []
    for name, target in targets.items():
        if not target.exists():
            missing[name] = target
        elif not target.is_file() or target.read_bytes() != path(name).read_bytes():
            others.append(target)
    if others:
        files = "".join(f"\n  {other}" for other in others)
        exit_with_error(ExitCode.USAGE, f"other files of these names exist; nothing was written:{files}")
    return missing


def _copy(source: Path, target: Path) -> None:
    """Writes the whole file or none: the next run refuses to replace half of a picture."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(source.read_bytes())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _example(targets: Mapping[str, Path]) -> str:
    character, scene = PAIRS[0]
    words = ("segmind-swap", "swap", "--emulator", "--reference", targets[character])
    return shlex.join([*map(str, words), "--scene", str(targets[scene]), "--out", f"{character}-{scene}.png"])

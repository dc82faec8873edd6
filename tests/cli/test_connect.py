"""The service that a command uses."""

from pathlib import Path

from .processes import PAIR, segmind_swap


def test_without_a_key_it_says_where_to_get_one_and_what_needs_none(folder: Path) -> None:
    for command in (["swap", *PAIR, "--out", "o.png"], ["credits"], ["upload", "hero.png"]):
        done = segmind_swap(*command, cwd=folder)
        assert done.returncode == 2
        for word in ("SEGMIND_API_KEY", "console", "--emulator", "demo"):
            assert word in done.stderr

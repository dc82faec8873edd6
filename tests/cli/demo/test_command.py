"""The demo, as the README's first command runs it."""

import json
import re
import signal
import urllib.request
from pathlib import Path

from PIL import Image

from ..processes import PATIENCE, program, running, segmind_swap

QUICK = "import segmind_swap.cli._demo.command as demo; demo._SPEED = 40.0"
# Without the packages of the preview: a preview takes several seconds.
PLAIN = program(f"{QUICK}; import sys; sys.modules['segmind_swap.emulator.preview'] = None")
ONE_PAIR = program(f"{QUICK}; demo.gallery.PAIRS = demo.gallery.PAIRS[:1]")


def test_the_demo_ends_with_six_pictures_a_page_and_a_clean_ledger(tmp_path: Path) -> None:
    done = segmind_swap("demo", cwd=tmp_path, command=PLAIN)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"6 of 6 saved in \d+ s; survived: 1 rate limit \(429\), 1 gateway error \(502\)", done.stdout
    )
    assert "6 charges, 0 paid twice" in done.stdout
    assert "open demo/report.html" in done.stdout
    folder = tmp_path / "demo"
    assert len(list(folder.glob("*.png"))) == 6
    assert len(list((folder / "inputs").glob("*.webp"))) == 12
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<article>") == 6
    assert page.count("429: waited 2 s") == 1
    assert page.count("502 on a poll: retried") == 1
    for link in re.findall(r'src="([^"]+)"', page):
        assert (folder / link).is_file()


def test_the_demo_draws_previews_where_they_are_installed(tmp_path: Path) -> None:
    done = segmind_swap("demo", cwd=tmp_path, command=ONE_PAIR)
    assert done.returncode == 0, done.stderr
    (result,) = (tmp_path / "demo").glob("*.png")
    with Image.open(result) as picture:
        assert picture.size == (1152, 768)
        assert "local preview" in picture.info["Comment"]
    assert "is a local preview" in (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")


def test_the_demo_says_which_folder_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")
    done = segmind_swap("demo", cwd=tmp_path)
    assert done.returncode == 2
    assert "cannot write to demo" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_can_leave_its_emulator_running(tmp_path: Path) -> None:
    with running("demo", "--keep", cwd=tmp_path, command=PLAIN) as demo:
        assert demo.stdout is not None
        url = None
        for line in demo.stdout:
            if found := re.search(r"still runs at (http://\S+)", line):
                url = found[1]
                break
        assert url is not None
        ledger = json.load(urllib.request.urlopen(f"{url}/_emulator/ledger", timeout=PATIENCE))
        assert ledger["totals"]["jobs"] == 6
        demo.send_signal(signal.SIGINT)
        _, err = demo.communicate(timeout=PATIENCE)
        assert (demo.returncode, "Traceback" in err) == (0, False)

"""The demo, as the README's first command runs it."""

import json
import re
import signal
import urllib.request
from pathlib import Path

from PIL import Image

from ..processes import PATIENCE, program, running, segmind_swap


def test_the_demo_ends_with_six_pictures_a_page_and_a_clean_ledger(tmp_path: Path) -> None:
    done = segmind_swap("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"6 of 6 saved in \d+ s; survived: 1 rate limit \(429\), 1 gateway error \(502\)", done.stdout
    )
    assert "6 charges, 0 paid twice" in done.stdout
    assert "open demo/report.html" in done.stdout
    folder = tmp_path / "demo"
    results = sorted(folder.glob("*.png"))
    assert len(results) == 6
    for result in results:
        with Image.open(result) as picture:
            assert picture.size == (1152, 768)
            assert "local preview" in picture.info["Comment"]
    assert len(list((folder / "inputs").glob("*.webp"))) == 12
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<article>") == 6
    assert page.count("429: waited 2 s") == 1
    assert page.count("502 on a poll: retried") == 1
    for link in re.findall(r'src="([^"]+)"', page):
        assert (folder / link).is_file()


def test_the_demo_says_which_folder_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")
    done = segmind_swap("demo", cwd=tmp_path)
    assert done.returncode == 2
    assert "cannot write to demo" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_can_leave_its_emulator_running(tmp_path: Path) -> None:
    # Without the packages of the preview: the first test shows what it draws, for many seconds.
    plain = program("import sys; sys.modules['segmind_swap.emulator.preview'] = None")
    with running("demo", "--keep", cwd=tmp_path, command=plain) as demo:
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

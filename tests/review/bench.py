"""Ten thousand pictures: how long the page takes to open, its memory, and the time of one decision.

    python -m tests.review.bench 10000 FOLDER

The folder is made if it is missing, and used again if it is there. Needs Chromium and its chromedriver.
"""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from random import Random

import anyio
from PIL import Image, ImageDraw
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains

from segmind_swap import Review

from ..support.chromium import chromium
from ..support.journal_rows import at
from ..support.reviews import saved

SIZE = (960, 640)
DECISIONS = 60


def drawn(seed: int) -> bytes:
    """A JPEG of some 60 KB, of another content for each seed."""
    rng = Random(seed)
    image = Image.effect_noise((SIZE[0] // 4, SIZE[1] // 4), 60).resize(SIZE).convert("RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = rng.randrange(SIZE[0]), rng.randrange(SIZE[1])
        draw.ellipse((x, y, x + 200, y + 160), fill=tuple(rng.randrange(256) for _ in range(3)))
    draw.text((20, 20), str(seed), fill="white")
    out = BytesIO()
    image.save(out, "JPEG", quality=82)
    return out.getvalue()


def a_large_batch(root: Path, count: int) -> Path:
    folder = root / "out"
    if (folder / "journal.db").exists():
        return folder
    (root / "scenes").mkdir(parents=True)
    folder.mkdir()
    (root / "hero.png").write_bytes(drawn(0))
    scene = drawn(1)
    store = at(folder / "journal.db")
    store.facts.set_price(0.1522)
    for number in range(1, count + 1):
        id = f"scene-{number:05}"
        (root / "scenes" / f"{id}.png").write_bytes(scene)
        (folder / f"{id}.png").write_bytes(drawn(number))
        saved(store, folder, id, number)
    store.close()
    return folder


@contextmanager
def timed(what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - began:.2f} s", flush=True)


def look(browser: webdriver.Chrome, url: str, what: str) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    with timed(f"{what}: open until the first picture is shown"):
        browser.get(url)
        while not browser.execute_script("return $('result').complete && $('result').naturalWidth > 0"):
            time.sleep(0.02)
    ActionChains(browser).send_keys("a").perform()
    # From the key until the next picture is decoded and painted: what a person waits for.
    times = browser.execute_async_script(
        """
        const done = arguments[1], times = [];
        (async () => {
          for (let turn = 0; turn < arguments[0]; turn++) {
            const began = performance.now();
            document.dispatchEvent(new KeyboardEvent("keydown", { key: "pxr"[turn % 3] }));
            await $("result").decode();
            await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
            times.push(performance.now() - began);
          }
          done(times);
        })();
        """,
        DECISIONS,
    )
    times.sort()
    print(f"{what}: a decision until the next picture: median {times[DECISIONS // 2]:.0f} ms,", end=" ")
    print(f"95 % within {times[DECISIONS * 95 // 100]:.0f} ms")
    for place in range(40):
        browser.execute_script(f"$('list').scrollTop = {place / 40} * $('list').scrollHeight")
        time.sleep(0.05)
    browser.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    heap = browser.execute_script("return performance.memory.usedJSHeapSize") / 1e6
    rows = browser.execute_script("return $('rows').childElementCount")
    print(f"{what}: after scrolling through all: {heap:.0f} MB of JavaScript, {rows} rows exist", flush=True)


async def main(root: Path, count: int) -> None:
    with timed(f"{count:,} pictures made"):
        folder = a_large_batch(root, count)
    review = Review(folder / "journal.db")
    page = folder / "review.html"
    for turn in ("first", "again"):
        review = Review(folder / "journal.db")
        with timed(f"measured and flagged, {turn}"):
            await review.pictures()
        with timed(f"page and thumbnails, {turn}"):
            page = await review.write_page()
    print(f"the page has {page.stat().st_size / 1e6:.1f} MB")
    with chromium(root / f"profile-{time.time_ns()}") as browser:
        await anyio.to_thread.run_sync(look, browser, page.as_uri(), "file")
        with timed("the server is ready"):
            serving = review.serve()
            url = await serving.__aenter__()
        try:
            await anyio.to_thread.run_sync(look, browser, url, "served")
        finally:
            await serving.__aexit__(None, None, None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"most memory of Python: {peak:.0f} MB")


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[2]).absolute(), int(sys.argv[1]))

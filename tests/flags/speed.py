"""What measures cost: milliseconds for a result, and time and memory for ten thousand."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from statistics import median

from segmind_swap import ResultMeasures, find_copies, flag_results
from segmind_swap._review.checks.measures import PictureMeasures
from segmind_swap._review.checks.signatures import Signature

from .drawings import situation
from .labelled import measured
from .rows import encoded, fitted, redrawn

SIZES = {"0.15 MP": (480, 320), "1.6 MP": (1536, 1024), "12 MP": (4000, 3000)}
TURNS = 9
MANY = 10_000


def milliseconds_a_result() -> Iterator[tuple[str, str, float]]:
    """For each size and format: the median time from the bytes of the files to the numbers."""
    rng = Random(5)
    made = situation(rng, "drawn")
    for name, size in SIZES.items():
        pictures = [fitted(image, size) for image in (redrawn(made.good, rng), made.scene)]
        reference = encoded(made.reference)
        for form in ("JPEG", "PNG", "WEBP"):
            result, scene = (encoded(picture, form) for picture in pictures)
            times = []
            for _ in range(TURNS if name != "12 MP" else 3):
                started = time.process_time()
                measured(result, scene, reference)
                times.append(time.process_time() - started)
            yield name, form, 1000 * median(times)


def _signature(rng: Random, near: Signature | None = None) -> Signature:
    if near is None:
        return Signature(bits=rng.getrandbits(64), colours=rng.randbytes(432))
    colours = bytes(min(255, level + rng.randrange(3)) for level in near.colours)
    return Signature(bits=near.bits ^ 1 << rng.randrange(64), colours=colours)


def many_results(kind: str) -> dict[str, ResultMeasures]:
    """Ten thousand results: all different, of one film, or all the same picture of different scenes."""
    rng = Random(kind)
    last = _signature(rng)
    found = {}
    for number in range(MANY):
        if kind == "a film":
            # A frame is near to the one before, and so is its scene.
            last = _signature(rng, last) if number % 100 else _signature(rng)
            own = scene = last
        elif kind == "all the same":
            own, scene = _signature(rng, last), _signature(rng)
        else:
            own, scene = _signature(rng), _signature(rng)
        found[f"scene-{number:05}"] = ResultMeasures(
            sha256=f"{number}", spread=90.0, change=120.0, signature=own, scene_signature=scene
        )
    return found


def seconds_and_megabytes(kind: str) -> tuple[float, float, int]:
    """CPU seconds of `flag_results`, the most memory that it takes, and how many results have a flag."""
    results = many_results(kind)
    started = time.process_time()
    flagged = flag_results(results)
    seconds = time.process_time() - started
    # Fresh signatures have no mean yet, and memory is watched in a run of its own, because watching is slow.
    fresh = {key: replace(one) for key, one in results.items()}
    tracemalloc.start()
    flag_results(fresh)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return seconds, most / 1e6, sum(bool(one.flags) for one in flagged.values())


def seconds_of_copies() -> float:
    """CPU seconds of `find_copies` for ten thousand inputs."""
    rng = Random(7)
    pictures = {
        f"{number}": PictureMeasures(sha256=f"{number}", spread=90.0, signature=_signature(rng))
        for number in range(MANY)
    }
    started = time.process_time()
    find_copies(pictures)
    return time.process_time() - started

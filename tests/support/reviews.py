"""A batch whose pictures can be reviewed: scenes, a reference, results and a journal, made without a run."""

import hashlib
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from segmind_swap import OutcomeState
from segmind_swap._journal.store import Store
from segmind_swap._protocols.entry import NewEntry, NewVersion

from .journal_rows import a_job, a_result, at

SIZE = (96, 64)


def picture(seed: int, *, figure: str = "crimson", size: tuple[int, int] = SIZE) -> bytes:
    """A PNG with stripes, and a figure in the middle. Another figure is another result of the same scene."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for x in range(0, size[0], 12):
        draw.line((x, 0, (x + seed * 7) % size[0], size[1]), fill=(seed * 53 % 256, x * 2 % 256, 90), width=3)
    draw.rectangle((size[0] * 2 // 5, size[1] // 2, size[0] // 2, size[1]), fill=figure)
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def blank() -> bytes:
    out = BytesIO()
    Image.new("RGB", SIZE, "black").save(out, "PNG")
    return out.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def saved(store: Store, folder: Path, id: str, number: int, *, cost_usd: float | None = None) -> None:
    """A row of a swap whose picture was saved."""
    with store.transaction():
        entry = store.take(
            NewEntry(
                id=id,
                fingerprint=f"p{number}",
                reference=str(folder.parent / "hero.png"),
                scene=str(folder.parent / "scenes" / f"{id}.png"),
            )
        )
        _save(store, entry.number, folder / f"{id}.png", number, cost_usd=cost_usd)


def _save(store: Store, row: int, path: Path, number: int, *, cost_usd: float | None = None) -> None:
    result = a_result(number, cost_usd=cost_usd, path=path)
    store._db.execute("UPDATE swaps SET state = 'sending', posts = 1 WHERE number = ?", (row,))
    store.step(row, OutcomeState.ACCEPTED, job=a_job(number), billable_posts=1)
    store.step(row, OutcomeState.COMPLETED, result=result)
    store.step(row, OutcomeState.SAVED, result=result)


def a_batch(root: Path, results: Mapping[str, bytes] | Iterable[str]) -> Path:
    """The folder `out` of a batch with these results, or with good results of these ids."""
    found = results if isinstance(results, Mapping) else {id: picture(n + 1) for n, id in enumerate(results)}
    folder = root / "out"
    (root / "scenes").mkdir(parents=True)
    folder.mkdir()
    (root / "hero.png").write_bytes(picture(99, figure="gold", size=(48, 64)))
    store = at(folder / "journal.db")
    store.facts.set_price(0.15)
    for number, (id, data) in enumerate(found.items(), start=1):
        (root / "scenes" / f"{id}.png").write_bytes(picture(number, figure="navy"))
        (folder / f"{id}.png").write_bytes(data)
        saved(store, folder, id, number)
    store.close()
    return folder


def a_new_version(folder: Path, id: str, data: bytes, *, version: int = 2) -> None:
    """A redo has made another version, and has moved the earlier one away."""
    store = at(folder / "journal.db")
    earlier = folder / "versions" / f"{id}.{version - 1}.png"
    earlier.parent.mkdir(exist_ok=True)
    (folder / f"{id}.png").rename(earlier)
    (folder / f"{id}.png").write_bytes(data)
    with store.transaction():
        before = store.versions.of(id, version - 1)
        assert before is not None
        assert before.result is not None
        moved = before.result.model_copy(update={"path": earlier})
        store._db.execute(
            "UPDATE swaps SET result = ? WHERE number = ?", (moved.model_dump_json(), before.number)
        )
        new = NewVersion(
            id=id, after=version - 1, fingerprint="n", reference=before.reference, scene=before.scene
        )
        (entry,) = store.versions.begin([new], run=store.run)
        _save(store, entry.number, folder / f"{id}.png", 100 + version)
    store.close()

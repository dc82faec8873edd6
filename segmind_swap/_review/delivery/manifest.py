"""Where each delivered picture comes from: `manifest.csv` and `SHA256SUMS`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import PurePath
from urllib.parse import unquote, urlsplit

from ..._api.origins import is_url
from ..._api.text import visible
from ..pictures.picture import ReviewPicture

COLUMNS = (
    *("file", "id", "version", "request_id", "job", "price_usd", "price_is_reported"),
    *("reference", "scene", "sha256", "accepted_at"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredFile:
    """A picture of a delivery. `name` is its path in the delivery, with slashes."""

    name: str
    picture: ReviewPicture


def manifest_csv(files: Iterable[DeliveredFile]) -> str:
    """A line for each picture, under a header.

    A text that a spreadsheet would compute as a formula gets an apostrophe before it.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for file in files:
        picture = file.picture
        fields: Mapping[str, object] = {
            "file": file.name,
            "id": picture.id,
            "version": picture.version,
            "request_id": picture.job.request_id or "",
            "job": picture.job.poll_url,
            "price_usd": f"{picture.price_usd:.4f}",
            "price_is_reported": "yes" if picture.is_price_reported else "no",
            "reference": name_of(picture.reference),
            "scene": name_of(picture.scene),
            "sha256": picture.sha256,
            "accepted_at": picture.job.submitted_at.astimezone(UTC).isoformat(timespec="seconds"),
        }
        rows.writerow(_harmless(str(fields[column])) for column in COLUMNS)
    return text.getvalue()


def name_of(picture: str) -> str:
    """The name of an input without its folder; of a URL, without what may give access to the picture."""
    if not is_url(picture):
        return PurePath(picture).name
    parts = urlsplit(picture)
    return unquote(PurePath(parts.path).name) or (parts.hostname or "")


def _harmless(cell: str) -> str:
    cell = visible(cell, keep="")
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def checksums(sha256_of_name: Mapping[str, str]) -> str:
    """The lines that `sha256sum --check` reads. Unusual names are escaped as there."""
    return "".join(_line(name, sha256) for name, sha256 in sorted(sha256_of_name.items()))


def _line(name: str, sha256: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == name else chr(92)}{sha256}  {escaped}\n"

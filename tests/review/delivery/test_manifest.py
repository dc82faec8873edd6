"""The manifest and the checksums: a line for each file, without a path of a machine or a secret."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from segmind_swap._review.delivery.manifest import COLUMNS, DeliveredFile, checksums, manifest_csv, name_of

from ..pictures.test_picture import SHA, a_picture


def lines(**more: object) -> list[dict[str, str]]:
    picture = a_picture().model_copy(update=more)
    text = manifest_csv([DeliveredFile(name="pictures/a.png", picture=picture)])
    return list(csv.DictReader(io.StringIO(text)))


def test_a_line_says_where_a_picture_comes_from() -> None:
    (line,) = lines(reference="/home/me/hero.png", scene="https://cdn.example/x/street.jpg?token=secret")
    assert tuple(line) == COLUMNS
    job = a_picture().job
    assert line == {
        "file": "pictures/a.png",
        "id": "a",
        "version": "1",
        "request_id": job.request_id or "",
        "job": job.poll_url,
        "price_usd": "0.1500",
        "price_is_reported": "yes",
        "reference": "hero.png",
        "scene": "street.jpg",
        "sha256": SHA,
        "accepted_at": job.submitted_at.astimezone(UTC).isoformat(timespec="seconds"),
    }
    assert datetime.fromisoformat(line["accepted_at"]).tzinfo is not None


@pytest.mark.parametrize("id", ["=1+1", "+1", "-1", "@sum"])
def test_a_spreadsheet_computes_nothing(id: str) -> None:
    assert lines(id=id)[0]["id"] == f"'{id}"


def test_a_text_with_commas_quotes_and_line_breaks_stays_one_cell() -> None:
    assert lines(scene='/x/a "b",\nc.png')[0]["scene"] == 'a "b",␊c.png'


@pytest.mark.parametrize(
    ("picture", "name"),
    [
        (str(Path("/a/b/c.png")), "c.png"),
        ("https://cdn.example/a/b%20c.png?sig=1", "b c.png"),
        ("https://me:secret@cdn.example/", "cdn.example"),
        ("bytes of 12 KB", "bytes of 12 KB"),
    ],
)
def test_an_input_is_named_without_its_folder_or_secret(picture: str, name: str) -> None:
    assert name_of(picture) == name


def test_checksums_are_as_sha256sum_reads_them() -> None:
    sums = checksums({"b.png": "2" * 64, "a\\\n.png": "1" * 64})
    assert sums == f"\\{'1' * 64}  a\\\\\\n.png\n{'2' * 64}  b.png\n"

"""PAIRS: a table of pairs in a file or on standard input, or a folder of scenes."""

import io
import json
import os
import re
import unicodedata
from pathlib import Path

import pytest

from segmind_swap import ConfigurationError
from segmind_swap.cli._batch.pairs_file import changed_ids_text, read_pairs
from segmind_swap.cli._tables.columns import COLUMNS

HEADER = ",".join(COLUMNS)


def test_a_csv_file_may_have_a_bom_other_columns_and_paths_from_its_own_folder(tmp_path: Path) -> None:
    text = (
        "\ufeffnote,character_image, id ,reference_character_image\r\n"
        '"a, b",scenes/x.jpg, one ,hero.png\r\n'
        "\r\n"
        ",https://pictures.example/s.png,two,/abs/hero.png\r\n"
    )
    (tmp_path / "pairs.csv").write_bytes(text.encode())
    pairs = read_pairs(tmp_path / "pairs.csv", None)
    assert pairs.problems == []
    assert [
        (request.id, request.reference_character_image, request.character_image) for request in pairs.requests
    ] == [
        ("one", str(tmp_path / "hero.png"), str(tmp_path / "scenes" / "x.jpg")),
        ("two", "/abs/hero.png", "https://pictures.example/s.png"),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_csv_file_may_be_as_spreadsheets_write_it(tmp_path: Path, separator: str, encoding: str) -> None:
    rows = [
        ["ID", '"Reference_Character_Image"', "CHARACTER_IMAGE", '"a note, or; more"'],
        ["one", "größe.png", "s.png", '"a, b; c"'],
        ["", "", "", ""],
        [" ", "", "", ""],
    ]
    text = "".join(separator.join(row) + "\r\n" for row in rows)
    mark = "\ufeff" if encoding in {"utf-16-le", "utf-16-be"} else ""
    (tmp_path / "pairs.csv").write_bytes((mark + text).encode(encoding))
    pairs = read_pairs(tmp_path / "pairs.csv", None)
    assert pairs.problems == []
    assert [(request.id, request.reference_character_image) for request in pairs.requests] == [
        ("one", str(tmp_path / "größe.png"))
    ]


def test_a_row_with_an_empty_cell_is_still_a_problem(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text(f"{HEADER}\na,r.png,s.png\n,,s.png\n,,\n")
    (problem,) = read_pairs(tmp_path / "pairs.csv", None).problems
    assert str(problem).endswith("pairs.csv:3: there is no id, reference_character_image")


def test_a_file_in_the_encoding_of_one_country_says_how_to_save_it(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_bytes(f"{HEADER}\na,größe.png,s.png\n".encode("cp1252"))
    with pytest.raises(ConfigurationError, match=r"not UTF-8.*save it as UTF-8"):
        read_pairs(tmp_path / "pairs.csv", None)


def test_each_problem_of_a_csv_file_is_reported_with_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text(f"{HEADER}\na,r.png,s.png\nb,,s.png\nc,r.png\nd,r.png,s.png,t.png\ne,r.png,s.png\n")
    pairs = read_pairs(file, None)
    assert [request.id for request in pairs.requests] == ["a", "e"]
    assert [str(problem) for problem in pairs.problems] == [
        f"{file}:3: there is no reference_character_image",
        f"{file}:4: there is no character_image: the row has 2 cells, and the header has 3",
        f"{file}:5: the row has 4 cells, and the header has 3",
    ]


def test_a_jsonl_file_may_have_blank_lines_and_its_problems_are_reported_with_their_line(
    tmp_path: Path,
) -> None:
    file = tmp_path / "pairs.jsonl"
    good = {"id": "a", "reference_character_image": "r.png", "character_image": "http://x.example/s", "n": 1}
    bad = [
        "{",
        "[1]",
        json.dumps({**good, "id": 7}),
        json.dumps({**good, "character_image": ""}),
        json.dumps({"id": "b"}),
    ]
    file.write_text("\n".join(["", json.dumps(good), "  ", *bad]))
    pairs = read_pairs(file, None)
    (request,) = pairs.requests
    assert (request.reference_character_image, request.character_image) == (
        str(tmp_path / "r.png"),
        "http://x.example/s",
    )
    assert [problem.place for problem in pairs.problems] == [f"{file}:{line}" for line in range(4, 9)]
    for problem, word in zip(
        pairs.problems,
        ["not JSON", "JSON object", "not 7", "no character", "no reference"],
        strict=True,
    ):
        assert word in problem.text


def test_a_folder_of_scenes_is_sorted_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.webp", "c.jpeg", ".hidden.png", "notes.txt", "d.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    pairs = read_pairs(tmp_path, "https://pictures.example/hero.png")
    assert [request.id for request in pairs.requests] == ["a", "b", "c", "d"]
    assert {request.reference_character_image for request in pairs.requests} == {
        "https://pictures.example/hero.png"
    }
    assert pairs.requests[1].character_image == str(tmp_path / "b.JPG")


@pytest.mark.parametrize(
    ("name", "content", "reference", "problem"),
    [
        ("pairs.csv", b"id,scenes\n", None, "no reference_character_image (or reference), character_image"),
        ("pairs.csv", b"", None, "the first line must name the columns"),
        ("pairs.csv", HEADER.encode(), None, "contains no pair"),
        ("pairs.csv", HEADER.encode() + b"\n\xff\xfe", None, "not UTF-8"),
        ("pairs.csv", HEADER.encode(), "hero.png", "--reference is for a folder"),
        ("pairs.jsonl", b"\n\n", None, "contains no pair"),
        ("pairs.doc", b"", None, "must be a folder of scenes, a table (.csv, .tsv, .jsonl, .ndjson, .txt)"),
        ("missing.csv", None, None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_says_why(
    tmp_path: Path, name: str, content: bytes | None, reference: str | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=re.escape(problem)):
        read_pairs(tmp_path / name, reference)


def test_a_folder_needs_a_reference_and_a_scene(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="needs --reference"):
        read_pairs(tmp_path, None)
    with pytest.raises(ConfigurationError, match=re.escape("there is no .jpg")):
        read_pairs(tmp_path, "hero.png")


def test_a_table_that_would_never_end_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pairs.csv")
    (tmp_path / "pairs.jsonl").symlink_to("/dev/zero")
    for name in ("pairs.csv", "pairs.jsonl"):
        with pytest.raises(ConfigurationError, match="not a regular file"):
            read_pairs(tmp_path / name, None)


TABLES = {
    ".csv": f"{HEADER}\na,r.png,s.png\n",
    ".TSV": "id\treference\tscene\na\tr.png\ts.png\n",
    ".jsonl": '{"id": "a", "reference": "r.png", "scene": "s.png"}\n',
    ".NDJSON": '\n {"id": "a", "reference": "r.png", "scene": "s.png"}',
    ".txt": "id\treference\tscene\na\tr.png\ts.png\n",
    ".TXT": '{"id": "a", "reference": "r.png", "scene": "s.png"}\n',
}


@pytest.mark.parametrize("suffix", TABLES)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_table_is_read_by_its_suffix_and_standard_input_by_its_first_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, encoding: str
) -> None:
    data = TABLES[suffix].encode(encoding)
    (tmp_path / f"pairs{suffix}").write_bytes(data)
    pairs = read_pairs(tmp_path / f"pairs{suffix}", None)
    assert pairs.problems == []
    (request,) = pairs.requests
    assert (request.id, request.character_image) == ("a", str(tmp_path / "s.png"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (request,) = read_pairs(Path("-"), None).requests
    assert request.reference_character_image == str(tmp_path / "elsewhere" / "r.png")


def test_problems_of_standard_input_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{HEADER}\n,r,s\n".encode())))
    (problem,) = read_pairs(Path("-"), None).problems
    assert str(problem) == "standard input:2: there is no id"
    for stdin, words in (
        (io.TextIOWrapper(io.BytesIO(b"")), "standard input: the first line must name the columns"),
        (None, "standard input: it is closed"),
    ):
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(ConfigurationError, match=words):
            read_pairs(Path("-"), None)
    with pytest.raises(ConfigurationError, match="standard input: --reference is for a folder"):
        read_pairs(Path("-"), "hero.png")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("pairs.xlsx", b"PK", "it is a spreadsheet: save it as CSV UTF-8"),
        ("Pairs.ODS", b"PK", "it is a spreadsheet: save it as CSV UTF-8"),
        ("pairs.csv", b"PK\x03\x04", "a spreadsheet or a ZIP archive, and no table: save"),
        ("pairs.json", b"[]", "jq -c '.[]' pairs.json > pairs.jsonl"),
        ("pairs.jsonl", b"[\n{}]", "begins a JSON array: write each object in a line of its own"),
        ("pairs.txt", b"[{}]", "begins a JSON array"),
    ],
)
def test_what_people_give_in_place_of_a_table_is_named_with_the_fix(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=re.escape(words)) as caught:
        read_pairs(tmp_path / name, None)
    assert str(caught.value).startswith(str(tmp_path / name))


def test_a_folder_says_what_it_passed_over_and_which_ids_are_not_the_names(tmp_path: Path) -> None:
    for name in ("a.jpg", "b:c.png", "x.heic", "y.tif"):
        (tmp_path / name).write_text(name)
    (tmp_path / "sub").mkdir()
    pairs = read_pairs(tmp_path, "https://pictures.example/hero.png")
    assert [request.id for request in pairs.requests] == ["a", pairs.changed_ids["b:c.png"]]
    assert [passed.name for passed in pairs.passed_over] == ["x.heic", "y.tif", "sub/"]
    assert changed_ids_text(pairs.changed_ids).startswith(
        "1 scene has another id than the name: b:c.png is b_c-"
    )
    for name in ("a.jpg", "b:c.png"):
        (tmp_path / name).unlink()
    with pytest.raises(ConfigurationError, match=r"that is a scene; 3 passed over: 2 pictures"):
        read_pairs(tmp_path, "https://pictures.example/hero.png")


def test_two_files_that_would_have_one_id_are_told_to_be_renamed(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        (tmp_path / unicodedata.normalize(form, "é?.png")).write_text(form)
    pairs = read_pairs(tmp_path, "https://pictures.example/hero.png")
    if len(pairs.requests) == 2:  # some file systems take both names for one
        (problem,) = pairs.problems
        assert "it would have the same id as" in problem.text
        assert "rename one of the two files" in problem.text

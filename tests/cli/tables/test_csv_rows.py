"""A table is read to the same pairs however a spreadsheet has written it; errors have their true place."""

import csv
import io
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap.cli._tables.columns import COLUMNS, Row
from segmind_swap.cli._tables.csv_rows import csv_rows
from segmind_swap.cli._tables.decoding import decoded, lines_of

HEADER = ",".join(COLUMNS)
CELLS = [["one", "größe.png", "s, 1.png"], ["two", "h.png", 'the "b".png']]

# Each quirk makes a table of the two pairs in `CELLS`, with `,` for the separator and LF for the line end.
ROWS = ['one,größe.png,"s, 1.png"', 'two,h.png,"the ""b"".png"']
QUIRKS: dict[str, list[str | None]] = {
    "plain": ["id,reference,scene", *ROWS],
    "no line end at the end": ["id,reference,scene", *ROWS, None],
    "names in another case": ["ID,Reference_Character_Image,SCENE", *ROWS],
    "quoted names with blanks": ['" id ", "reference" ,"Character_Image"', *ROWS],
    "other columns and another order": [
        "note,scene,id,reference",
        '"x, y","s, 1.png",one,größe.png',
        ',"the ""b"".png",two,h.png',
    ],
    "everything quoted": [
        '"id","reference","scene"',
        '"one","größe.png","s, 1.png"',
        '"two","h.png","the ""b"".png"',
    ],
    "blanks around cells": [
        "id , reference , scene",
        'one , größe.png , "s, 1.png" ',
        'two ,  "h.png" ,"the ""b"".png"',
    ],
    "blank rows": [
        "",
        "id,reference,scene",
        "",
        ROWS[0],
        ",,",
        " , ,",
        "  ",
        ROWS[1],
        ",,",
        '"","",""',
        "",
        "",
    ],
    "a line break in another column": [
        "id,reference,scene,note",
        ROWS[0] + ',"two\nlines, ""quoted"""',
        ROWS[1] + ",",
    ],
    "a line break in a name": ['id,reference,scene,"my\nnote"', ROWS[0] + ",", ROWS[1] + ",x"],
    "an empty last column": ["id,reference,scene,", *(f"{row}," for row in ROWS)],
    "rows with more empty cells": ["id,reference,scene", *(f"{row},,," for row in ROWS)],
    "rows without their last empty cells": ["id,reference,scene,note,more", *ROWS],
    "a DOS end of file": ["id,reference,scene", *ROWS, "\x1a"],
    "paths copied with quotes": ["id,reference,scene", 'one,"""größe.png""","s, 1.png"', ROWS[1]],
}
SEPARATORS = [",", ";", "\t", "|"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]


def rows_of(text: str | bytes) -> list[Row]:
    return list(csv_rows(lines_of(decoded(text.encode() if isinstance(text, str) else text))))


@pytest.mark.parametrize("quirk", QUIRKS)
def test_each_encoding_separator_and_line_end_gives_the_same_pairs(quirk: str) -> None:
    lines = QUIRKS[quirk]
    text = "\n".join(line for line in lines if line is not None) + ("" if lines[-1] is None else "\n")
    for separator, encoding, end, sep_line in itertools.product(
        SEPARATORS, ENCODINGS, ["\n", "\r\n", "\r"], [False, True]
    ):
        # The commas inside the cells stay, and then need no quotes.
        spelt = separator.join(piece.replace("\0", ",") for piece in text.replace(", 1", "\0 1").split(","))
        begin = f"sep={separator}\n" if sep_line else ""
        rows = rows_of((begin + spelt).replace("\n", end).encode(encoding))
        assert [cells for _, cells in rows] == CELLS, (separator, encoding, end)


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=;,,", " sep=; "])
def test_the_separator_line_of_excel_decides(line: str) -> None:
    assert rows_of(f"{line}\nid;reference;scene\na;b;c") == [(3, ["a", "b", "c"])]
    with pytest.raises(ValueError, match="Line 2 was read: it has no separator, and is 'id,reference,scene'"):
        rows_of(f"{line}\nid,reference,scene\na,b,c")


def test_a_row_is_named_by_its_first_line() -> None:
    text = f'{HEADER},note\na,r,s,"1\n2\n3"\n\n,r,s,"\n"\nb,r,s,x\nc,r\n'
    assert rows_of(text) == [
        (2, ["a", "r", "s"]),
        (6, "there is no id"),
        (8, ["b", "r", "s"]),
        (9, "there is no character_image: the row has 2 cells, and the header has 4"),
    ]


def test_a_quote_that_is_never_closed_is_told_by_the_line_that_opens_it() -> None:
    lines = [HEADER, *(f"id{n},hero.png,street.jpg" for n in range(4000))]
    lines[11] = 'y,"hero.png,street.jpg'
    with pytest.raises(ValueError, match=r"^line 12 is not CSV: the quote in column 3 is never closed$"):
        rows_of("\r\n".join(lines))
    lines[2000] = 'z,"hero.png",street.jpg'
    with pytest.raises(
        ValueError, match=r"^line 12 .* column 3 closes in line 2,001, column 3, before 'hero"
    ):
        rows_of("\n".join(lines))


def test_a_cell_of_a_pair_over_several_lines_is_a_problem_because_it_hides_rows() -> None:
    text = f'{HEADER}\na,r.png,"s.png\nb,r.png,t.png\nc,r.png,u.png"\nd,r.png,v.png\n'
    assert rows_of(text) == [
        (2, "a cell goes over several lines: a quote is missing, or one too many"),
        (5, ["d", "r.png", "v.png"]),
    ]


def test_a_row_with_another_separator_than_the_header_is_told_so() -> None:
    assert rows_of("id;reference;scene\na,b,c\na;b;c;d\n") == [
        (
            2,
            "there is no reference_character_image, character_image: the row has 1 cell, and the header has"
            " 3: the header is separated by semicolons, and the row perhaps by commas",
        ),
        (3, "the row has 4 cells, and the header has 3"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must name the columns id,reference_character_image,character_image: the file is empty"),
        ("\n \n", "the file is empty"),
        (
            "id;refrence;scene\n",
            "no reference_character_image (or reference). Line 1 was read: separated by semicolons",
        ),
        ("id;refrence;scene\n", "it is 'id', 'refrence', 'scene'; is 'refrence' perhaps 'reference'?"),
        ("\n\na.png b.png\n", "Line 3 was read: it has no separator, and is 'a.png b.png'"),
        ("id/reference/scene", "it has no separator"),
        ('"id,reference,scene"\n', "it has no separator, and is 'id,reference,scene'"),
        ("id,reference,scene,ID\n", "line 1 names the column id more than once (as 'id' and as 'ID')"),
        (
            "id,reference,scene,character_image\n",
            "character_image more than once (as 'scene' and as 'character_image')",
        ),
        (
            "id,reference,scene,x;id;reference;scene\n",
            "if it is separated by commas and by semicolons: begin the file",
        ),
        ('id,reference,"scene\n', "line 1 is not CSV: the quote in column 14 is never closed"),
        (",".join(f"c{n}" for n in range(20)), "'c7' and 12 more"),
    ],
)
def test_a_header_that_cannot_be_used_says_how_it_was_read(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="column") as caught:
        rows_of(text)
    assert words in str(caught.value)


_cells = st.text(st.sampled_from('ab ;,"\n\r\t|ü'), max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(_cells, min_size=4, max_size=4), max_size=5), st.sampled_from(SEPARATORS))
def test_what_python_writes_as_csv_is_read_back(notes: list[list[str]], separator: str) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator)
    writer.writerow([*COLUMNS, *(f"note {n}" for n in range(4))])
    writer.writerows(["a", "b", "c", *cells] for cells in notes)
    assert [cells for _, cells in rows_of(file.getvalue())] == [["a", "b", "c"]] * len(notes)

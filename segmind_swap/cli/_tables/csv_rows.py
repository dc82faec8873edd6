"""Read CSV as spreadsheets write it: any usual separator, quotes, and cells that go over several lines.

The reader of Python's `csv` names the line in which a row ends. This reader names the line in which a row, or
a quote, begins, and it refuses a separator that it would have to guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .columns import COLUMNS, Row, cells_problem, column_of, missing, repeated, suggestion

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# Excel writes and reads this line; a spreadsheet that does not know it adds separators or quotes.
_SEPARATOR_LINE = re.compile(r'\s*"?sep=(?P<separator>[^"\s]|\t)"?[,;\t|]*\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """The first line that is not blank.

    Attributes:
        names: The names of the columns, as they are written.
        columns: The column that each name stands for.
        end: The index of the line after the header.
    """

    separator: str
    names: list[str]
    columns: list[str | None]
    end: int


def csv_rows(lines: Sequence[str]) -> Iterator[Row]:
    """The rows below the header, without rows of empty cells.

    Raises:
        ValueError: the header cannot be used, or a quote is wrong. After a wrong quote, nobody knows where
            the next row begins.
    """
    header = _header(lines)
    indexes = [header.columns.index(name) for name in COLUMNS]
    separator, width, at = header.separator, len(header.names), header.end
    while at < len(lines):
        line, number = lines[at], at + 1
        if '"' in line:
            cells, at = _split(lines, at, separator)
        else:
            cells, at = line.split(separator), at + 1
        if any(map(str.strip, cells)):
            yield number, _cells(cells, indexes, width, separator)


def _cells(cells: list[str], indexes: list[int], width: int, separator: str) -> list[str] | str:
    if len(cells) > width and any(map(str.strip, cells[width:])):
        return _wrong_width(cells, width, separator)
    padded = [*cells, *[""] * (width - len(cells))]
    found = [_unquoted(padded[index].strip()) for index in indexes]
    problem = cells_problem(found)
    if problem is not None and len(cells) < width:
        return f"{problem}: {_wrong_width(cells, width, separator)}"
    if problem is None and any("\n" in cell for cell in found):
        # A quote that is missing further up joins rows. No file name needs a line break.
        return "a cell goes over several lines: a quote is missing, or one too many"
    return problem or found


def _unquoted(cell: str) -> str:
    """The cell without the quotes that Windows adds when a path is copied."""
    return cell[1:-1].strip() if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _wrong_width(cells: list[str], width: int, separator: str) -> str:
    count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
    text = f"the row has {count}, and the header has {width}"
    for other, name in _SEPARATORS.items():
        if len(cells) == 1 and other != separator and cells[0].count(other) == width - 1:
            return f"{text}: the header is separated by {_name_of(separator)}, and the row perhaps by {name}"
    return text


def _header(lines: Sequence[str]) -> _Header:
    at, separators = 0, list(_SEPARATORS)
    while at < len(lines) and not lines[at].strip():
        at += 1
    if at < len(lines) and (match := _SEPARATOR_LINE.fullmatch(lines[at])) is not None:
        separators = [match["separator"]]
        at += 1
        while at < len(lines) and not lines[at].strip():
            at += 1
    if at == len(lines):
        raise ValueError(f"the first line must name the columns {','.join(COLUMNS)}: the file is empty")
    candidates, problem = [], ""
    for separator in separators:
        try:
            names, end = _split(lines, at, separator)
        except ValueError as exc:
            problem = problem or str(exc)
            continue
        columns = [column_of(name) for name in names]
        candidates.append(_Header(separator=separator, names=names, columns=columns, end=end))
    if problem and not any(column for header in candidates for column in header.columns):
        raise ValueError(problem)
    complete = [header for header in candidates if set(COLUMNS) <= set(header.columns)]
    if len(complete) > 1:
        found = " and by ".join(_name_of(header.separator) for header in complete)
        raise ValueError(
            f"line {at + 1:,} names the columns if it is separated by {found}: begin the file with a line"
            " such as sep=; to say which"
        )
    if not complete:
        raise ValueError(_incomplete(candidates, at + 1))
    (header,) = complete
    if (twice := repeated(header.names)) is not None:
        one, other = (name.strip()[:40] for name in twice)
        spelt = f" (as {one!r} and as {other!r})" if one != other else ""
        raise ValueError(
            f"line {at + 1:,} names the column {column_of(one)} more than once{spelt}: rename or remove one"
        )
    return header


def _incomplete(candidates: Sequence[_Header], line: int) -> str:
    header = max(candidates, key=lambda header: (len({*header.columns} - {None}), len(header.names)))
    shown = ", ".join(repr(name.strip()[:40]) for name in header.names[:8])
    more = f" and {len(header.names) - 8} more" if len(header.names) > 8 else ""
    if len(header.names) > 1:
        read_as = f"separated by {_name_of(header.separator)}, it is {shown}{more}"
    else:
        read_as = f"it has no separator, and is {shown}"
    return (
        f"the first line must name the columns {','.join(COLUMNS)}, separated by commas, semicolons (;), tabs"
        f" or bars (|): there is no {missing(header.columns)}. Line {line:,} was read: {read_as}"
        f"{suggestion(header.names)}"
    )


def _name_of(separator: str) -> str:
    return _SEPARATORS.get(separator, repr(separator))


def _split(lines: Sequence[str], at: int, separator: str) -> tuple[list[str], int]:
    """The cells of the row that begins in the line `at`, and the index of the line after the row.

    Raises:
        ValueError: a quote is never closed, or text follows a quote that closes.
    """
    blanks = " " if separator == "\t" else " \t"
    line, column = lines[at], 0
    cells: list[str] = []
    while True:
        begin = _skip(line, column, blanks)
        if line[begin : begin + 1] == '"':
            cell, at, column = _quoted(lines, at, begin)
            line = lines[at]
            after = _skip(line, column, blanks)
            if after < len(line) and line[after] != separator:
                raise ValueError(
                    f"line {cell.line:,} is not CSV: the quote in column {cell.column:,} closes in line"
                    f" {at + 1:,}, column {column:,}, before {line[after : after + 20]!r} and not before a"
                    ' separator: a quote is missing, or one too many (in a cell, write a quote as "")'
                )
            cells.append(cell.text)
            column = after
        else:
            end = line.find(separator, column)
            end = len(line) if end < 0 else end
            cells.append(line[column:end])
            column = end
        if column >= len(line):
            return cells, at + 1
        column += len(separator)


def _skip(line: str, column: int, blanks: str) -> int:
    while column < len(line) and line[column] in blanks:
        column += 1
    return column


@dataclass(frozen=True, slots=True)
class _Quoted:
    """A quoted cell: its text, and the line and the column of the quote that opens it."""

    text: str
    line: int
    column: int


def _quoted(lines: Sequence[str], at: int, begin: int) -> tuple[_Quoted, int, int]:
    """The cell whose quote opens at `begin`, and the line and the column after the quote that closes."""
    opened_line, opened_column = at + 1, begin + 1
    line, column = lines[at], begin + 1
    parts: list[str] = []
    while True:
        end = line.find('"', column)
        if end < 0:
            parts += [line[column:], "\n"]
            at += 1
            if at == len(lines):
                raise ValueError(
                    f"line {opened_line:,} is not CSV: the quote in column {opened_column:,} is never closed"
                )
            line, column = lines[at], 0
            continue
        parts.append(line[column:end])
        if line[end + 1 : end + 2] != '"':
            return _Quoted("".join(parts), opened_line, opened_column), at, end + 1
        parts.append('"')
        column = end + 2

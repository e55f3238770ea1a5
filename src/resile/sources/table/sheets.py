"""Sheets of Excel and LibreOffice files as tables."""

import io
from collections.abc import Iterator
from typing import Any

import python_calamine

from resile.model.errors import ConfigError
from resile.sources.opening import Part
from resile.sources.table.cells import words_of
from resile.sources.table.readers import Table, TableRow, is_blank, unique_names

# A sheet is held in memory while it is read; Excel itself ends at 1,048,576 rows.
MAX_FILE_BYTES = 512 << 20


def open_sheet(part: Part, wanted: str | None) -> Table:
    """Read the sheet that the mapping names, or the only one that holds anything.

    Raises:
        ConfigError: no such file or sheet, several sheets, a merged header, a password.
    """
    book = _book(part)
    sheet = _sheet(book, part.name, wanted)
    shown = f"{part.name}/{sheet.name}"
    rows = enumerate(sheet.iter_rows(), start=1)
    header_row, header = next(((number, row) for number, row in rows if not all(map(is_blank, row))), (0, list[Any]()))
    if not header:
        raise ConfigError(f"{shown} is empty; export it again, or name another sheet")
    _refuse_merged(sheet, shown, header_row)
    used = [at for at, cell in enumerate(header) if not is_blank(cell)]
    first, last = used[0], used[-1]
    columns = unique_names([words_of(cell) for cell in header[first : last + 1]])
    n_rows, done = sheet.total_height, [0]

    def cells() -> Iterator[TableRow]:
        for number, row in rows:
            done[0] = number
            if all(map(is_blank, row)):
                continue
            outside = next((cell for cell in (*row[:first], *row[last + 1 :]) if not is_blank(cell)), None)
            kept = row[first : last + 1]
            problem = f"{words_of(outside)[:60]!r} stands outside of the header's columns; give it one, or delete it"
            yield TableRow(number, kept, None if outside is None else problem)

    return Table(shown, columns, cells(), lambda: done[0] / max(n_rows, 1))


def _book(part: Part) -> python_calamine.CalamineWorkbook:
    with part.open() as stream:
        body = stream.read(MAX_FILE_BYTES + 1)
    if len(body) > MAX_FILE_BYTES:
        raise ConfigError(f"{part.name} is larger than {MAX_FILE_BYTES >> 20} MiB; save the sheet as CSV")
    try:
        return python_calamine.load_workbook(io.BytesIO(body))
    except python_calamine.PasswordError:
        raise ConfigError(f"{part.name} is locked by a password; save it without one") from None
    except python_calamine.CalamineError as error:
        raise ConfigError(f"{part.name} is no whole Excel file ({error}); save it again") from None


def _sheet(book: python_calamine.CalamineWorkbook, name: str, wanted: str | None) -> python_calamine.CalamineSheet:
    names = book.sheet_names
    if wanted is not None:
        if wanted not in names:
            raise ConfigError(f"{name} has no sheet {wanted!r}; it has {', '.join(names)}")
        return book.get_sheet_by_name(wanted)
    filled = [sheet for sheet in map(book.get_sheet_by_name, names) if sheet.height]
    if len(filled) > 1:
        listed = ", ".join(sheet.name for sheet in filled)
        raise ConfigError(f"{name} has several sheets ({listed}); say `sheet: {filled[0].name}` in the mapping")
    if not filled:
        raise ConfigError(f"{name} is empty; export it again")
    return filled[0]


def _refuse_merged(sheet: python_calamine.CalamineSheet, shown: str, header_row: int) -> None:
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if top < header_row <= bottom + 1:
            cells = f"{_letters(left)}{top + 1}:{_letters(right)}{bottom + 1}"
            raise ConfigError(
                f"{shown}, row {header_row}: the cells {cells} of the header are merged, so their columns have no "
                "names of their own; split them, or delete the row if it is only a title"
            )


def _letters(column: int) -> str:
    """A column's letters as Excel shows them; 0 is A."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters

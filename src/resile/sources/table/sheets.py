"""Sheets of Excel and LibreOffice files as tables."""

import io
from collections.abc import Iterator
from typing import IO, Any

import python_calamine

from resile.model.errors import ConfigError
from resile.sources.opening import TornInputError
from resile.sources.table.cells import words_of
from resile.sources.table.readers import TableRow, Unpacked, is_blank, unique_names

# A sheet is held in memory while it is read; Excel itself ends at 1,048,576 rows.
MAX_FILE_BYTES = 512 << 20


def open_sheet(stream: IO[bytes], name: str, wanted: str | None) -> Unpacked:
    """Read the sheet that the mapping names, or the only one that holds anything.

    Raises:
        ConfigError: no such file or sheet, several sheets, a merged header, a password.
    """
    try:
        sheet = _sheet(_book(stream, name), name, wanted)
    except python_calamine.PasswordError:
        raise ConfigError(f"{name} is locked by a password; save it without one") from None
    except python_calamine.CalamineError as error:
        raise ConfigError(f"{name} is no whole Excel file ({error}); save it again") from None
    shown = f"{name}/{sheet.name}"
    rows = enumerate(sheet.iter_rows(), start=1)
    header_row, header = next(((number, row) for number, row in rows if not all(map(is_blank, row))), (0, list[Any]()))
    if not header:
        raise ConfigError(f"{shown} is empty; export it again, or name another sheet")
    _refuse_merged(sheet, shown, header_row)
    used = [at for at, cell in enumerate(header) if not is_blank(cell)]
    first, last = used[0], used[-1]
    columns = unique_names([words_of(cell) for cell in header[first : last + 1]])

    def cells() -> Iterator[TableRow]:
        number = header_row
        try:
            for number, row in rows:
                if all(map(is_blank, row)):
                    continue
                outside = next((cell for cell in (*row[:first], *row[last + 1 :]) if not is_blank(cell)), None)
                problem = (
                    f"{words_of(outside)[:60]!r} stands outside of the header's columns; give it one, or delete it"
                )
                yield TableRow(number, row[first : last + 1], None if outside is None else problem)
        except python_calamine.CalamineError as error:
            raise TornInputError(f"is damaged after row {number} ({error})") from None

    return Unpacked(shown, columns, sheet.total_height, cells())


def _book(stream: IO[bytes], name: str) -> python_calamine.CalamineWorkbook:
    body = stream.read(MAX_FILE_BYTES + 1)
    if len(body) > MAX_FILE_BYTES:
        raise ConfigError(f"{name} is larger than {MAX_FILE_BYTES >> 20} MiB; save the sheet as CSV")
    return python_calamine.load_workbook(io.BytesIO(body))


def _sheet(book: python_calamine.CalamineWorkbook, name: str, wanted: str | None) -> python_calamine.CalamineSheet:
    names = [sheet.name for sheet in book.sheets_metadata if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet]
    if wanted is not None:
        if wanted not in names:
            raise ConfigError(f"{name} has no sheet {wanted!r}; it has {', '.join(names)}")
        return book.get_sheet_by_name(wanted)
    # One at a time: each is held whole.
    filled = [one for one in names if book.get_sheet_by_name(one).height]
    if len(filled) > 1:
        raise ConfigError(f"{name} has several sheets ({', '.join(filled)}); say `sheet: {filled[0]}` in the mapping")
    if not filled:
        raise ConfigError(f"{name} is empty; export it again")
    return book.get_sheet_by_name(filled[0])


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

"""The file of refused rows: the input's columns and the reason, to be mended and imported again."""

import csv
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from resile.model.errors import ConfigError
from resile.ports.source import Refused

ERROR_COLUMN = "resile_error"


class RefusedRows:
    """Writes refused rows; the file comes into being with the first of them.

    Where an archive holds tables of other columns, each kind goes to a file of its own: `name-2.csv`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._writer: Any = None
        self._columns: tuple[str, ...] = ()
        self.paths: list[Path] = []

    def write(self, refused: Refused) -> None:
        """Add one row; a refusal without cells (a torn file) has nothing to mend and is not written.

        Raises:
            ConfigError: the file cannot be written.
        """
        if not refused.cells:
            return
        columns = tuple(refused.cells)
        try:
            if self._file is None or columns != self._columns:
                self._start(columns)
            self._writer.writerow([*refused.cells.values(), f"{refused.place}: {refused.reason}"])
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"refused rows cannot be written to {self._path} ({error.strerror}); name another file with --refused"
        )

    def _start(self, columns: tuple[str, ...]) -> None:
        self.close()
        path = self._path
        if self.paths:
            path = path.with_name(f"{path.stem}-{len(self.paths) + 1}{path.suffix}")
        # With the mark, so that spreadsheets and the importer read it as UTF-8 whatever the mapping says of the input.
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow([*columns, ERROR_COLUMN])
        self._columns = columns
        self.paths.append(path)

    def close(self) -> None:
        """Finish the file.

        Raises:
            ConfigError: what was still to be written cannot be.
        """
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                raise self._failed(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

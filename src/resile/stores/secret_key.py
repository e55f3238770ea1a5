"""The key of a data folder: 256 random bits in a file for its owner alone, beside the databases and not in them."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from resile.model.errors import StoreError
from resile.stores.durable_files import private_file, sync_folder
from resile.stores.failures import told_of_file

KEY_NAME = "secret.key"
_N_BYTES = 32


def read_key(data: Path) -> bytes | None:
    """The key; None if it was never made.

    Raises:
        StoreError: it cannot be read, or is no key.
    """
    path = data / KEY_NAME
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise told_of_file(f"key {path} cannot be read", error) from error
    if len(key) != _N_BYTES:
        raise StoreError(f"key {path} is damaged; put it back from a backup, or remove it and make the doors anew")
    return key


def read_or_make_key(data: Path) -> bytes:
    """The key, made where there is none; of two who make it at once both get the same.

    Raises:
        StoreError: it can neither be read nor made.
    """
    found = read_key(data)
    if found is not None:
        return found
    path = data / KEY_NAME
    new = path.with_name(f"{KEY_NAME}.{secrets.token_hex(8)}")
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with private_file(new) as file:
                os.write(file, secrets.token_bytes(_N_BYTES))
            # A link, unlike a renaming, never takes the place of a key that is there.
            with suppress(FileExistsError):
                os.link(new, path)
        finally:
            new.unlink(missing_ok=True)
        sync_folder(data)
    except OSError as error:
        raise told_of_file(f"key {path} cannot be made", error) from error
    return read_or_make_key(data)

"""Passwords: what is asked of them, and their argon2 hashes."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from resile.model.errors import ConfigError

MIN_LENGTH = 12
# Enough for any sentence; a longer one would only cost time to hash.
MAX_LENGTH = 1_000
_MIN_DISTINCT = 5


class Passwords:
    """Hashes and checks passwords; checking takes the same time whether or not there is a hash to check against.

    Args:
        hasher: how costly a hash is; the default is RFC 9106's second choice: 3 passes over 64 MiB, 4 lanes.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        # Nobody knows the password of this one; it is checked where a user does not exist.
        self._nobody = self._hasher.hash("\x00")

    def hash(self, password: str) -> str:
        """The hash to be stored."""
        return self._hasher.hash(password)

    def is_right(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password; with no hash never, after just as much work.

        Raises:
            ConfigError: the stored hash is damaged.
        """
        shortened = password[: MAX_LENGTH + 1]
        try:
            self._hasher.verify(password_hash or self._nobody, shortened)
        except InvalidHashError:
            raise ConfigError("a stored password is damaged; make a new link for that user") from None
        except VerificationError:
            return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was hashed with other costs than today's."""
        return self._hasher.check_needs_rehash(password_hash)


def check_password(password: str, name: str) -> str:
    """Give the password back if it will do for that user.

    Raises:
        ConfigError: it is too short, too long, too simple, or holds the user's name.
    """
    if len(password) < MIN_LENGTH:
        raise ConfigError(
            f"the password has {len(password)} characters; use at least {MIN_LENGTH}, for instance four words"
        )
    if len(password) > MAX_LENGTH:
        raise ConfigError(f"the password has more than {MAX_LENGTH} characters; use a shorter one")
    if len(set(password)) < _MIN_DISTINCT:
        raise ConfigError(f"the password repeats fewer than {_MIN_DISTINCT} different characters; use four words")
    if name and name.casefold() in password.casefold():
        raise ConfigError("the password holds the user's name; use another one")
    return password

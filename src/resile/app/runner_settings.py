"""`[runners]`: what steps of playbooks may run here. Nothing, as long as nothing is said."""

from collections.abc import Mapping
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from resile.model.playbook import RunnerKind
from resile.response.masking import LONGEST_SECRET, SHORTEST_SECRET

MAX_SECRETS = 100
# resile's own facts are asked under this name; it needs no address.
OWN = "resile"
_KEEPS = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ShellSettings(BaseModel):
    """`[runners.shell]`: programs, as the user that resile runs as.

    Attributes:
        path, home: of their environment; None: resile's own.
        memory_mb: of all processes of a step together.
    """

    model_config = _KEEPS

    enabled: bool = False
    path: str | None = Field(default=None, min_length=1, max_length=10_000)
    home: str | None = Field(default=None, min_length=1, max_length=4_096)
    memory_mb: int = Field(default=1_024, ge=16, le=1_000_000)
    cpu_s: int = Field(default=3_600, ge=1, le=86_400)
    file_mb: int = Field(default=256, ge=1, le=1_000_000)
    folder_mb: int = Field(default=512, ge=1, le=1_000_000)
    open_files: int = Field(default=256, ge=16, le=1_000_000)
    processes: int = Field(default=128, ge=1, le=10_000)


class HttpSettings(BaseModel):
    """`[runners.http]`: requests; into our own network only where `allowed_addresses` says so."""

    model_config = _KEEPS

    enabled: bool = False


class QuerySettings(BaseModel):
    """`[runners.query.NAME]`: somebody who may be asked.

    Attributes:
        url: `http://prometheus:9090`, `postgresql://reader@host/db`, `sqlite:////var/lib/shop.db`; `resile` has none.
        token: for a Prometheus that wants one.
    """

    model_config = _KEEPS

    enabled: bool = True
    # There may be a password in it.
    url: SecretStr | None = None
    token: SecretStr | None = None

    @property
    def password(self) -> SecretStr | None:
        """That in the address."""
        try:
            said = None if self.url is None else urlsplit(self.url.get_secret_value()).password
        except ValueError:
            said = None
        return None if said is None else SecretStr(unquote(said))

    @field_validator("url")
    @classmethod
    def _is_known(cls, url: SecretStr | None) -> SecretStr | None:
        schemes = ("http://", "https://", "postgresql://", "postgresql+psycopg://", "sqlite:///")
        if url is not None and not url.get_secret_value().startswith(schemes):
            raise ValueError(f"write an address that begins with one of {', '.join(schemes)}")
        return url


class RunnerSettings(BaseModel):
    """`[runners]`.

    Attributes:
        query: by name, who may be asked.
        secrets: by name, for steps that ask for them; from the environment RESILE_RUNNERS__SECRETS__NAME.
        at_once: so many steps run at one moment.
        output_kb: shown of what a step writes.
    """

    model_config = _KEEPS

    shell: ShellSettings = ShellSettings()
    http: HttpSettings = HttpSettings()
    query: dict[str, QuerySettings] = {}
    secrets: dict[str, SecretStr] = Field(default={}, repr=False, max_length=MAX_SECRETS)
    at_once: int = Field(default=8, ge=1, le=64)
    output_kb: int = Field(default=16, ge=1, le=256)

    @field_validator("secrets")
    @classmethod
    def _can_be_masked(cls, secrets: Mapping[str, SecretStr]) -> dict[str, SecretStr]:
        """By their names in capitals; what the environment says comes in small letters, and wins."""
        ordered = sorted(secrets.items(), key=lambda one: one[0] == one[0].lower())
        found = {name.upper(): secret for name, secret in ordered}
        for name, secret in found.items():
            size = len(secret.get_secret_value())
            if not SHORTEST_SECRET <= size <= LONGEST_SECRET:
                raise ValueError(
                    f"{name[:64]} has {size} characters; give it {SHORTEST_SECRET} to {LONGEST_SECRET:,}, "
                    "so that it can be told from other words and masked"
                )
        return found

    @model_validator(mode="after")
    def _have_addresses(self) -> Self:
        for name, one in self.query.items():
            if (one.url is None) != (name == OWN):
                raise ValueError(f"query.{name[:64]}: give it url=, or call it {OWN!r} for resile's own facts")
        return self

    @property
    def allowed(self) -> frozenset[RunnerKind]:
        """The kinds of steps that may run."""
        found = {RunnerKind.SHELL} if self.shell.enabled else set()
        found |= {RunnerKind.HTTP} if self.http.enabled else set()
        found |= {RunnerKind.QUERY} if any(one.enabled for one in self.query.values()) else set()
        return frozenset(found)

    @property
    def told_secrets(self) -> dict[str, str]:
        """The secrets in clear, by name."""
        return {name: secret.get_secret_value() for name, secret in self.secrets.items()}

    @property
    def covered(self) -> dict[str, str]:
        """All that no output may show, by name: secrets, and with what those who may be asked are asked."""
        found = {f"query.{name}": one.password for name, one in self.query.items()}
        found |= {f"query.{name}.token": one.token for name, one in self.query.items()}
        words = {name: one.get_secret_value() for name, one in found.items() if one is not None}
        return {**{name: word for name, word in words.items() if len(word) >= SHORTEST_SECRET}, **self.told_secrets}

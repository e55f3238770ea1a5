"""Settings: one `resile.toml` in the data folder; the environment (RESILE_...) wins."""

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from resile.app.chat_settings import ChatSettings
from resile.app.outward_settings import EmitSettings, HeartbeatSettings, UpdateSettings
from resile.app.quiet_settings import QuietSettings
from resile.app.runner_settings import RunnerSettings
from resile.app.status_settings import StatusSettings
from resile.app.weekly import weekly_of
from resile.model.errors import ConfigError
from resile.model.severity import Severity


def default_data_folder() -> Path:
    """Where a user's data lies if nobody says otherwise: RESILE_DATA, else the platform's own place."""
    if given := os.environ.get("RESILE_DATA"):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "resile"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "resile"


class Settings(BaseSettings):
    """Everything that can be set.

    Attributes:
        data: the data folder; holds the SQLite database and the Parquet projection.
        database_url: SQLAlchemy URL of PostgreSQL; None: SQLite in the data folder.
        severity_aliases: further names of severities, e.g. {"blocker": "SEV1"}.
        journal_days: for how long deliveries are kept after they were processed.
        journal_max_gb: how much of them is kept at most, in 10^9 bytes of bodies; those that wait are never let go.
        is_simulated: the data shown is simulated; said on every page.
        channels: by name, the settings of each way to reach people; from the environment
            RESILE_CHANNELS__EMAIL__PASSWORD.
        allowed_addresses: networks, addresses and hosts inside our own network to which messages may go although a
            user typed the address: webhooks, ntfy servers.
        heartbeat: the address that is called as long as everything goes on.
        ring_drill: when everybody on call is paged to try the way: `wed 14:00 Europe/Berlin`; None: never by itself.
        emit: other systems that hear of incidents.
        runners: what steps of playbooks may run here.
        quiet: when people are asked whether an incident is restored, and when it is closed by itself.
        updates: who has to agree to updates, how often they are promised, and to whom they are sent.
        status: the public status page; None: there is none.
        chat: chat programs in which incidents have rooms.
    """

    model_config = SettingsConfigDict(
        env_prefix="RESILE_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    data: Path = Field(default_factory=default_data_folder)
    database_url: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8321, ge=0, le=65535)
    base_url: str | None = None
    severity_aliases: dict[str, Severity] = {}
    is_simulated: bool = False
    journal_days: int = Field(default=90, ge=1, le=36_500)
    journal_max_gb: float = Field(default=10.0, gt=0, le=100_000)
    # Not in what is shown of the settings: passwords are in it.
    channels: dict[str, dict[str, Any]] = Field(default={}, repr=False)
    allowed_addresses: list[str] = []
    heartbeat: HeartbeatSettings | None = None
    ring_drill: str | None = None
    emit: list[EmitSettings] = []
    runners: RunnerSettings = RunnerSettings()
    quiet: QuietSettings = QuietSettings()
    updates: list[UpdateSettings] = []
    status: StatusSettings | None = None
    chat: ChatSettings = ChatSettings()

    @field_validator("ring_drill")
    @classmethod
    def _is_a_time_of_the_week(cls, said: str | None) -> str | None:
        try:
            if said is not None:
                weekly_of(said, "it")
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return said

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then the file."""
        del dotenv_settings, file_secret_settings
        given = init_settings()
        folder = Path(str(given["data"])) if given.get("data") else default_data_folder()
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, folder / "resile.toml")


def load_settings(**given: object) -> Settings:
    """Read the settings; arguments that are None are left out.

    Raises:
        ConfigError: a setting cannot be used; names it and says where it came from.
    """
    file = Path(str(given.get("data") or default_data_folder())) / "resile.toml"
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is no TOML: {error}; mend or remove it") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}; check its permissions") from None
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        variable = f"RESILE_{name.upper().replace('.', '__')}"
        raise ConfigError(f"setting {name!r}: {first['msg']}; correct it in resile.toml or in {variable}") from None


def written_for_process(settings: Settings) -> bytes:
    """A line by which another process of resile on this machine has the same settings.

    What runs, is called and is spoken to stays with this process. It is full of secrets, which would be masked; and a
    masked one is none, so that nothing could be read.
    """
    here: dict[str, Any] = {"runners": RunnerSettings(), "chat": ChatSettings(), "heartbeat": None, "emit": []}
    return settings.model_copy(update=here).model_dump_json().encode() + b"\n"


def read_in_process(line: str) -> Settings:
    """The settings of such a line."""
    return Settings(**Settings.model_validate_json(line).model_dump())

"""Settings: arguments, then the environment, then the file; what cannot be used is named."""

from pathlib import Path

import pytest

from resile.app.settings import load_settings
from resile.model.errors import ConfigError
from resile.model.severity import Severity


def test_the_environment_wins_over_the_file_and_arguments_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resile.toml").write_text('port = 1001\nhost = "localhost"\n[severity_aliases]\nblocker = "SEV1"\n')
    monkeypatch.setenv("RESILE_PORT", "1002")

    from_both = load_settings(data=tmp_path)
    from_arguments = load_settings(data=tmp_path, port=1003)

    assert (from_both.port, from_both.host) == (1002, "localhost")
    assert from_both.severity_aliases == {"blocker": Severity.SEV1}
    assert from_arguments.port == 1003


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = = 1", "is no TOML"),
        ("port = 99999", "'port'"),
        ("colour = 1", "'colour'"),
        ('[severity_aliases]\nblocker = "HUGE"', "severity_aliases"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "resile.toml").write_text(text)

    with pytest.raises(ConfigError, match=words):
        load_settings(data=tmp_path)


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "resile.toml").write_bytes(b"port = \xff")

    with pytest.raises(ConfigError, match=r"resile\.toml is no TOML"):
        load_settings(data=tmp_path)

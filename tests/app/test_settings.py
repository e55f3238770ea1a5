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


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "no", r"RESILE_STATUS__PORT"),
        ("PORT", "70000", r"less than or equal to 65535"),
        ("ZONE", "Mars/Base", r"Mars/Base"),
        ("BASE_URL", "javascript:alert(1)", r"write an address of the web"),
        ("CONTACT_URL", "javascript:alert(1)", r"write https://host/path or mailto:"),
        ("TITLE", " ", r"write one line"),
        ("TITEL", "Acme", r"Extra inputs are not permitted"),
    ],
)
def test_status_page_that_cannot_be_meant_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(f"RESILE_STATUS__{name}", value)

    with pytest.raises(ConfigError, match=says):
        load_settings(data=tmp_path)


def test_status_page_is_off_until_it_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_settings(data=tmp_path).status is None

    monkeypatch.setenv("RESILE_STATUS__BASE_URL", "https://status.example.org/")

    found = load_settings(data=tmp_path).status
    assert found is not None
    assert (found.host, found.port, found.address) == ("127.0.0.1", 8322, "https://status.example.org")

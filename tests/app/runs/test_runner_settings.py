"""What `[runners]` says: nothing is allowed unless it says so, and what cannot be used is refused."""

from pathlib import Path

import pytest

from resile.app.settings import Settings, load_settings
from resile.model.errors import ConfigError


def test_nothing_is_allowed_unless_it_says_so(tmp_path: Path) -> None:
    assert Settings(data=tmp_path).runners.allowed == frozenset()


def test_secrets_from_the_environment_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resile.toml").write_text('[runners.secrets]\nDEPLOY_KEY = "from-the-file"\n')
    monkeypatch.setenv("RESILE_RUNNERS__SECRETS__DEPLOY_KEY", "from-the-environment")

    settings = Settings(data=tmp_path)

    assert settings.runners.told_secrets == {"DEPLOY_KEY": "from-the-environment"}
    assert "from-the" not in repr(settings)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('[runners.secrets]\nPIN = "1234"\n', "PIN has 4 characters"),
        ('[runners.query.shop]\nurl = "ftp://shop"\n', "begins with one of"),
        ("[runners.query.shop]\n", "give it url="),
        ("[runners.shell]\nenable = true\n", "Extra inputs"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, said: str, why: str) -> None:
    (tmp_path / "resile.toml").write_text(said)

    with pytest.raises(ConfigError, match=why):
        load_settings(data=tmp_path)


def test_passwords_of_those_who_are_asked_are_covered_as_secrets_are(tmp_path: Path) -> None:
    (tmp_path / "resile.toml").write_text(
        '[runners.query.shop]\nurl = "postgresql://reader:pass%20word@db/shop"\n'
        '[runners.query.metrics]\nurl = "http://prometheus"\ntoken = "of-a-reader"\n'
        '[runners.query.short]\nurl = "postgresql://reader:pw@db/shop"\n'
        '[runners.secrets]\nDEPLOY_KEY = "of-the-deploy"\n'
    )

    covered = Settings(data=tmp_path).runners.covered

    assert covered == {"query.shop": "pass word", "query.metrics.token": "of-a-reader", "DEPLOY_KEY": "of-the-deploy"}

"""The public status page from the terminal."""

from pathlib import Path

from tests.cli.terminal import Terminal

SHOP = "kind: component\nname: shop\ntitle: Online shop\nservices: [checkout]\n---\nkind: service\nname: checkout\n"


def test_status_says_what_the_public_sees(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal.says("status", "show")
    assert said.startswith("Status: No Known Incidents\n")
    assert "switched off; set [status] in resile.toml" in said

    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog/shop.yaml").write_text(SHOP)
    terminal.says("apply", str(tmp_path / "catalog"), "--yes")

    said = terminal.says("status", "show")
    assert "All Systems Operational" in said
    assert "Online shop" in said
    found = terminal.json("status", "show")
    assert found["status"] == {"indicator": "none", "description": "All Systems Operational"}
    assert [one["name"] for one in found["components"]] == ["Online shop"]


def test_components_leave_and_come_back_as_files(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog/shop.yaml").write_text(SHOP)
    terminal.says("apply", str(tmp_path / "catalog"), "--yes")

    terminal.says("export", str(tmp_path / "out"))

    written = (tmp_path / "out/catalog/components/shop.yaml").read_text()
    assert "title: Online shop" in written

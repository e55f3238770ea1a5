"""What every CatalogStore must do, whatever it is made of.

Subclass and give the fixture `catalog`.

    class TestMyCatalog(CatalogStoreConformance):
        @pytest.fixture
        def catalog(self, tmp_path): return MyCatalog(tmp_path)
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resile.model.errors import ConflictError
from resile.model.schedule import Override
from resile.ports.catalog import CatalogStore, Writing

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(hours: float) -> datetime:
    """So many hours after the start."""
    return START + timedelta(hours=hours)


def writing(name: str, body: dict[str, Any] | None, *, expected: int = 0, kind: str = "team") -> Writing:
    """A document of a team."""
    return Writing(kind=kind, name=name, body=body, expected=expected)


def override(name: str, starts: float = 0, ends: float = 8, person: str | None = "bob") -> Override:
    """An override, in hours after the start."""
    return Override(
        id=name, person=person, starts_at=at(starts), ends_at=at(ends), by="user:ann", because="swap with bob"
    )


class CatalogStoreConformance:
    """Tests to be run over a catalog."""

    def test_new_catalog_is_empty(self, catalog: CatalogStore) -> None:
        """Nothing anywhere, and no errors."""
        assert catalog.documents() == []
        assert catalog.document("team", "payments") is None
        assert catalog.versions("team", "payments") == []
        assert catalog.overrides("payments") == []
        assert not catalog.remove_override("o1", at=START, by="user:ann")
        catalog.write([], at=START, by="user:ann")

    def test_document_comes_back_as_it_was_written_with_who_wrote_it(self, catalog: CatalogStore) -> None:
        """Texts of any script, numbers, truth values, nothing, and what is nested; the order of fields too."""
        body = {"title": "Zahlungen – 支払い 🦊", "nested": [{"b": 1, "a": None}, True, 1.5], "empty": {}}
        instant = START + timedelta(microseconds=7)

        catalog.write([writing("payments", body)], at=instant, by="user:ann")

        told = catalog.document("team", "payments")
        assert told is not None
        assert (told.kind, told.name, told.number, told.at, told.by) == ("team", "payments", 1, instant, "user:ann")
        assert told.body == body
        assert list(told.body["nested"][0]) == ["b", "a"]

    def test_every_version_is_kept(self, catalog: CatalogStore) -> None:
        """Also that it was taken out, and what it was afterwards."""
        catalog.write([writing("payments", {"n": 1})], at=at(0), by="user:ann")
        catalog.write([writing("payments", None, expected=1)], at=at(1), by="user:bob")
        assert catalog.document("team", "payments") is None
        assert catalog.documents() == []
        assert [(one.number, one.body) for one in catalog.newest()] == [(2, None)]

        catalog.write([writing("payments", {"n": 2}, expected=2)], at=at(2), by="user:ann")

        told = [(one.number, one.body, one.by) for one in catalog.versions("team", "payments")]
        assert told == [(3, {"n": 2}, "user:ann"), (2, None, "user:bob"), (1, {"n": 1}, "user:ann")]

    def test_documents_are_what_is_there_now_by_kind_and_name(self, catalog: CatalogStore) -> None:
        """The newest version of each; names sort by code point."""
        catalog.write(
            [writing("b", {"n": 1}), writing("a", {"n": 1}), writing("B", {}), writing("a", {}, kind="service")],
            at=at(0),
            by="user:ann",
        )
        catalog.write([writing("a", {"n": 2}, expected=1)], at=at(1), by="user:ann")

        told = [(one.kind, one.name, one.body) for one in catalog.documents()]

        assert told == [("service", "a", {}), ("team", "B", {}), ("team", "a", {"n": 2}), ("team", "b", {"n": 1})]

    def test_all_are_written_or_none(self, catalog: CatalogStore) -> None:
        """One that somebody else changed keeps the others from being written."""
        catalog.write([writing("a", {"n": 1})], at=at(0), by="user:ann")

        with pytest.raises(ConflictError, match="changed by somebody else"):
            catalog.write([writing("b", {}), writing("a", {"n": 2})], at=at(1), by="user:bob")

        assert [(one.name, one.body) for one in catalog.documents()] == [("a", {"n": 1})]

    def test_overrides_hold_in_the_order_of_entering(self, catalog: CatalogStore) -> None:
        """Of one schedule, until they are removed."""
        catalog.add_overrides("payments", [override("o2"), override("o1", person=None)], at=at(0))
        catalog.add_overrides("search", [override("o3")], at=at(0))
        catalog.add_overrides("payments", [override("o0", 4, 12)], at=at(1))

        held = catalog.overrides("payments")

        assert [one.override for one in held] == [
            override("o2"), override("o1", person=None), override("o0", 4, 12),
        ]  # fmt: skip
        assert [one.entered_at for one in held] == [at(0), at(0), at(1)]
        assert [one.override.id for one in catalog.overrides("payments", ends_after=at(8))] == ["o0"]

    def test_removed_override_holds_no_longer(self, catalog: CatalogStore) -> None:
        """And cannot be removed twice."""
        catalog.add_overrides("payments", [override("o1"), override("o2")], at=at(0))

        assert catalog.override("o1") == catalog.overrides("payments")[0]

        assert catalog.remove_override("o1", at=at(1), by="user:bob")

        assert catalog.override("o1") is None
        assert [one.override.id for one in catalog.overrides("payments")] == ["o2"]
        assert not catalog.remove_override("o1", at=at(2), by="user:bob")

    def test_override_that_is_replaced_keeps_its_id(self, catalog: CatalogStore) -> None:
        """As often as it changes, and back to what it was; those removed are gone."""
        catalog.add_overrides("payments", [override("o1"), override("o2")], at=at(0))

        for person in ("cyd", "bob", "cyd"):
            changed = override("o1", person=person)
            catalog.replace_overrides("payments", removed=["o1"], added=[changed], at=at(1), by="user:ann")
        catalog.replace_overrides("payments", removed=["o2"], added=[], at=at(2), by="user:ann")

        assert [one.override for one in catalog.overrides("payments")] == [override("o1", person="cyd")]

    def test_overrides_are_replaced_all_or_none(self, catalog: CatalogStore) -> None:
        """Where one that is removed does not hold, or one that is added does."""
        catalog.add_overrides("payments", [override("o1"), override("o2")], at=at(0))

        for removed, added in ((["o1", "o3"], []), (["o1"], [override("o2")]), (["o1"], [override("o4")] * 2)):
            with pytest.raises(ConflictError):
                catalog.replace_overrides("payments", removed=removed, added=added, at=at(1), by="user:ann")

        assert [one.override for one in catalog.overrides("payments")] == [override("o1"), override("o2")]

    def test_override_is_entered_once(self, catalog: CatalogStore) -> None:
        """Nor is anything of what was entered with it."""
        catalog.add_overrides("payments", [override("o1")], at=at(0))

        with pytest.raises(ConflictError, match="entered already"):
            catalog.add_overrides("payments", [override("o2"), override("o1")], at=at(1))

        assert [one.override.id for one in catalog.overrides("payments")] == ["o1"]

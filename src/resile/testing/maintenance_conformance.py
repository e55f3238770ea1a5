"""What every MaintenanceBook must do, for the one suite over all stores of communication."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from resile.app.communication_parts import CommunicationStores
from resile.model.errors import ConflictError
from resile.ports.maintenance_book import Window

START = datetime(2026, 3, 2, 9, 0, 0, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)
UNTIL = START + 30 * SECOND


def window(name: str = "w", *, begins_s: float = 0, version: int = 1) -> Window:
    """A window of a minute."""
    begins = START + timedelta(seconds=begins_s)
    return Window(
        id=name,
        title="New database",
        text="We move.",
        components=("checkout", "search"),
        starts_at=begins,
        ends_at=begins + 60 * SECOND,
        by="user:ann",
        made_at=START,
        changed_at=START,
        version=version,
    )


class MaintenanceConformance:
    """Tests to be run over these stores."""

    def test_windows_come_back_in_their_order_at_their_version(self, stores: CommunicationStores) -> None:
        """Of two who write one version the second is told."""
        book = stores.windows
        late, early = window("a", begins_s=100), window("b")
        book.write(late)
        book.write(early)
        moved = replace(window("a", begins_s=200, version=2), finished_at=START + 230 * SECOND, cancelled_at=UNTIL)
        book.write(moved)

        assert list(book.windows(since=START)) == [early, moved]
        assert [one.id for one in book.windows(since=START, limit=1)] == ["a"]
        assert list(book.windows(since=START + 60 * SECOND)) == [moved]
        assert list(book.windows(since=START + 230 * SECOND)) == []
        assert book.window("a") == moved
        for wrong in (window("a", version=2), window("a", version=1), window("c", version=4)):
            try:
                book.write(wrong)
            except ConflictError:
                continue
            raise AssertionError(f"version {wrong.version} of {wrong.id} was written")

    def test_of_many_windows_the_last_are_given_and_those_at_an_instant_are_found(
        self, stores: CommunicationStores
    ) -> None:
        """However many there were before."""
        for number in range(5):
            stores.windows.write(window(f"w-{number}", begins_s=100 * number))

        found = [one.id for one in stores.windows.windows(since=START, limit=2)]
        at = START + 210 * SECOND
        assert found == ["w-3", "w-4"]
        assert [one.id for one in stores.windows.windows(since=at, until=at, limit=1)] == ["w-2"]

    def test_incident_is_marked_for_one_window(self, stores: CommunicationStores) -> None:
        """The last one."""
        for window_id, incident_id in (("a", "INC-2"), ("a", "INC-1"), ("a", "INC-1"), ("b", "INC-2")):
            stores.windows.mark(window_id, incident_id)

        assert (list(stores.windows.marked("a")), list(stores.windows.marked("b"))) == (["INC-1"], ["INC-2"])

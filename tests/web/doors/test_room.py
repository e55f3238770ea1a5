"""Room for bodies: what strangers hold keeps nobody out who brings little."""

import pytest

from resile.web.doors.answer import TurnedAwayError
from resile.web.doors.room import MAX_BYTES_OF_STRANGERS, MAX_BYTES_WITHIN, Room
from resile.web.doors.strangers import SMALL_BYTES
from resile.web.limits import MAX_CONNECTIONS


def test_small_body_of_somebody_unknown_finds_room_though_strangers_hold_theirs() -> None:
    room = Room()
    with (
        room.taken_by(is_known=False) as stranger,
        room.taken_by(is_known=False) as sender,
        room.taken_by(is_known=False) as large,
        room.taken_by(is_known=True) as known,
    ):
        room.take(stranger, MAX_BYTES_OF_STRANGERS)

        room.take(sender, SMALL_BYTES)
        with pytest.raises(TurnedAwayError):
            room.take(sender, 1)
        with pytest.raises(TurnedAwayError):
            room.take(large, SMALL_BYTES + 1)
        room.take(known, 25_000_000)
    # Nothing is held any more.
    with room.taken_by(is_known=False) as stranger:
        room.take(stranger, MAX_BYTES_OF_STRANGERS)


def test_small_bodies_on_every_connection_fill_no_more_than_the_other_half() -> None:
    assert MAX_BYTES_OF_STRANGERS + MAX_CONNECTIONS * SMALL_BYTES <= MAX_BYTES_WITHIN

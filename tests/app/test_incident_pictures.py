"""Pictures of an incident: what is one is written anew, what is none is refused, what was withdrawn is gone."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from resile.app.incidents import command_incident, declare
from resile.app.picture_bytes import rewritten
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.errors import ConfigError, TransitionError
from resile.model.lifecycle import MAX_PICTURES, Declare, Note
from resile.model.room_event import EvidenceKind
from resile.model.room_lifecycle import AddEvidence, EditNote, Withdraw
from resile.testing.simulated_clock import SimulatedClock

from .picture_samples import SVG, bomb, picture_bytes, picture_with_a_place, picture_with_words, webp_bomb


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    clock = SimulatedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=clock) as opened:
        declare(opened, Declare(title="Checkout fails"), by="user:ann")
        yield opened


@pytest.mark.parametrize(
    ("kind", "mode", "media_type"),
    [
        ("PNG", "RGBA", "image/png"),
        ("PNG", "P", "image/png"),
        ("PNG", "I;16", "image/png"),
        ("GIF", "P", "image/png"),
        ("JPEG", "RGB", "image/jpeg"),
        ("JPEG", "CMYK", "image/jpeg"),
        ("WEBP", "RGBA", "image/webp"),
    ],
)
def test_each_format_is_kept_as_what_browsers_show(kind: str, mode: str, media_type: str) -> None:
    content = picture_bytes(kind, mode=mode) if mode != "I;16" else _deep()

    kept = rewritten(content)

    assert (kept.media_type, kept.width, kept.height) == (media_type, 8, 6)
    assert kept == rewritten(content)
    Image.open(BytesIO(kept.content)).load()


def _deep() -> bytes:
    written = BytesIO()
    Image.new("I;16", (8, 6), 300).save(written, format="PNG")
    return written.getvalue()


def test_place_comment_and_words_of_a_picture_are_gone_and_it_stands_upright() -> None:
    photograph, drawn = rewritten(picture_with_a_place()), rewritten(picture_with_words())

    assert (photograph.width, photograph.height) == (6, 8)
    for kept in (photograph, drawn):
        read = Image.open(BytesIO(kept.content))
        assert not read.getexif()
        assert b"ann" not in kept.content
    assert b"GPS" not in photograph.content


@pytest.mark.parametrize(
    "content", [b"", b"no picture", SVG, b"\x89PNG\r\n\x1a\n", picture_bytes()[:40], b"GIF89a", b"%PDF-1.7\n"]
)
def test_what_is_no_picture_is_refused_with_one_sentence(content: bytes) -> None:
    with pytest.raises(ConfigError, match="no picture that can be read; paste or choose a PNG, JPEG, GIF or WebP"):
        rewritten(content)


def test_picture_of_another_format_is_refused() -> None:
    with pytest.raises(ConfigError, match="no picture that can be read"):
        rewritten(picture_bytes("BMP"))


@pytest.mark.parametrize("content", [bomb(), webp_bomb()])
def test_few_bytes_that_become_a_thousand_million_pixels_are_refused(content: bytes) -> None:
    with pytest.raises(ConfigError, match=r"pixels, more than 25,000,000|no picture that can be read"):
        rewritten(content)


def test_ten_megabytes_are_refused_with_one_sentence() -> None:
    with pytest.raises(ConfigError, match="has 10,000,000 bytes, more than 5,000,000; cut out the part that shows it"):
        rewritten(picture_bytes() + bytes(10_000_000 - len(picture_bytes())))


def test_what_is_clear_of_a_picture_stays_clear() -> None:
    written = BytesIO()
    Image.new("P", (8, 6), 0).save(written, format="GIF", transparency=0)

    kept = rewritten(written.getvalue())

    assert Image.open(BytesIO(kept.content)).convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]


@given(
    st.sampled_from([picture_bytes(kind) for kind in ("PNG", "JPEG", "GIF", "WEBP")]),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=8),
    st.integers(0, 40),
)
@settings(max_examples=100, deadline=None)
def test_damaged_picture_is_kept_or_refused_and_nothing_else(
    content: bytes, changes: list[tuple[int, int]], n_cut: int
) -> None:
    damaged = bytearray(content[: max(0, len(content) - n_cut)])
    for place, value in changes:
        if damaged:
            damaged[place % len(damaged)] = value
    try:
        kept = rewritten(bytes(damaged))
    except ConfigError:
        return
    Image.open(BytesIO(kept.content)).load()


def test_picture_belongs_to_its_incident_and_is_kept_once(resile: Resile) -> None:
    declare(resile, Declare(title="Another"), by="user:ann")
    added = resile.room.pictures.add("INC-1", picture_bytes(), by="user:ann")
    again = resile.room.pictures.add("INC-1", picture_bytes(), by="user:bob")

    assert again == added
    assert resile.room.pictures.of("INC-1") == [added]
    assert resile.room.pictures.show("INC-1", added.id) is not None
    assert resile.room.pictures.show("INC-2", added.id) is None
    assert resile.room.pictures.show("INC-1", "../" + added.id) is None


def test_note_and_evidence_name_only_pictures_that_are_there(resile: Resile) -> None:
    added = resile.room.pictures.add("INC-1", picture_bytes(), by="user:ann")
    missing = "0" * 32

    for command in (
        Note("see", (missing,)),
        AddEvidence(evidence=EvidenceKind.PICTURE, title="Graph", picture=missing),
    ):
        with pytest.raises(ConfigError, match=f"has no picture '{missing}'; add the picture first"):
            command_incident(resile, "INC-1", command, by="user:ann")
    with pytest.raises(TransitionError, match="a note has at most 50 pictures"):
        command_incident(resile, "INC-1", Note("see", (added.id,) * (MAX_PICTURES + 1)), by="user:ann")
    view = command_incident(resile, "INC-1", Note("see", (added.id, added.id)), by="user:ann")

    assert view.timeline[-1].pictures == (added.id,)  # type: ignore[union-attr]


def test_picture_of_what_was_withdrawn_is_shown_no_more(resile: Resile) -> None:
    secret = resile.room.pictures.add("INC-1", picture_bytes(colour=1), by="user:ann").id
    shared = resile.room.pictures.add("INC-1", picture_bytes(colour=2), by="user:ann").id
    alone = resile.room.pictures.add("INC-1", picture_bytes(colour=3), by="user:ann").id
    note = command_incident(resile, "INC-1", Note(f"![](picture:{shared})"), by="user:ann").timeline[-1]
    command_incident(resile, "INC-1", EditNote(note.id, f"![](picture:{secret})", note.id), by="user:ann")
    shows = AddEvidence(evidence=EvidenceKind.PICTURE, title="Graph", picture=shared)
    command_incident(resile, "INC-1", shows, by="user:ann")

    command_incident(resile, "INC-1", Withdraw(note.id, "a password in it"), by="user:ann")

    shown = [one.id for one in resile.room.pictures.of("INC-1")]
    assert shown == [shared, alone]
    assert resile.room.pictures.show("INC-1", secret) is None
    assert resile.room.pictures.show("INC-1", alone) is not None

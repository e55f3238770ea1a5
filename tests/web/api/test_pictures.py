"""Pictures through the API and in a browser: added with one request, served so that nothing in them runs."""

import pytest
from httpx2 import Response

from tests.app.picture_samples import SVG, picture_bytes

from .visitor import Visitor

PATH = "/api/v1/incidents/INC-1/pictures"


def add(visitor: Visitor, content: bytes, *, name: str = "x.png", media_type: str = "image/png") -> Response:
    return visitor.client.post(PATH, files={"file": (name, content, media_type)})


@pytest.fixture
def program(visitor: Visitor) -> Visitor:
    found = visitor.set_up().program("read", "write")
    assert found.client.post("/api/v1/incidents", json={"title": "Checkout fails"}).status_code == 201
    return found


def test_picture_is_added_listed_put_into_a_note_and_shown(program: Visitor) -> None:
    answer = add(program, picture_bytes())

    assert answer.status_code == 201
    told = answer.json()
    assert told["markdown"] == f"![](picture:{told['id']})"
    assert program.get(PATH).json() == {"pictures": [told]}
    note = {"command": "note", "text": f"Look: {told['markdown']}", "pictures": [told["id"]]}
    assert program.client.post("/api/v1/incidents/INC-1/commands", json=note).status_code == 200
    shown = program.get(told["url"])
    assert shown.status_code == 200
    assert len(shown.content) == told["n_bytes"]


def test_picture_is_served_so_that_nothing_in_it_runs(program: Visitor) -> None:
    url = add(program, picture_bytes("JPEG"), name="x.html", media_type="text/html").json()["url"]

    shown = program.get(url)

    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert program.get(url, headers={"if-none-match": shown.headers["etag"]}).status_code == 304


def test_picture_is_for_those_who_may_read_the_incident(program: Visitor, visitor: Visitor) -> None:
    url = add(program, picture_bytes()).json()["url"]
    reader = visitor.program("read", name="reader")

    assert Visitor(visitor.client.app).get(url).status_code == 303  # type: ignore[arg-type]
    assert add(reader, picture_bytes()).status_code == 403
    assert reader.get(url).status_code == 200
    assert reader.get(url.replace("INC-1", "INC-2")).status_code == 404


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (SVG, 400, "this is no picture that can be read; paste or choose a PNG, JPEG, GIF or WebP"),
        (bytes(10_000_000), 413, "the picture has more than 5,000,000 bytes; cut out the part that shows it"),
        (bytes(5_000_001), 400, "the picture has 5,000,001 bytes, more than 5,000,000; cut out the part that shows it"),
    ],
)
def test_what_cannot_be_kept_gets_one_clear_sentence(
    program: Visitor, content: bytes, status: int, sentence: str
) -> None:
    answer = add(program, content)

    assert (answer.status_code, answer.json()["detail"]) == (status, sentence)
    assert program.get(PATH).json() == {"pictures": []}


def test_incident_that_is_not_known_takes_no_picture(program: Visitor) -> None:
    answer = program.client.post(PATH.replace("INC-1", "INC-9"), files={"file": ("x.png", picture_bytes())})

    assert answer.status_code == 404

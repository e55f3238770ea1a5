"""What would fail at night, over the API."""

from fastapi import FastAPI

from .visitor import Visitor


def test_whoever_may_read_is_told_what_would_fail(app: FastAPI) -> None:
    reader = Visitor(app).set_up().program("read")

    answer = reader.get("/api/v1/doctor")

    assert answer.status_code == 200
    assert "has no policy named default" in [one["what"] for one in answer.json()["findings"]]
    assert Visitor(app).get("/api/v1/doctor").status_code == 401

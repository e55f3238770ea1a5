"""The examples of docs/reference/api.md are carried out, one after the other, and answered as they say."""

import json
import re
from pathlib import Path
from typing import Any

from .visitor import Visitor

PAGE = Path(__file__).parents[3] / "docs/reference/api.md"
EXAMPLE = re.compile(r"```http\n(\w+) (\S+)\n(.*?)\n?(\d{3})\n(.*?)\n```", re.DOTALL)
# What no example can show, for a file is sent or comes; and what belongs to other parts of resile.
WITHOUT = {"pictures", "export", "updates", "chat", "playbooks", "steps"}


def is_in(shown: Any, answer: Any) -> bool:
    """Whether an answer says all that is shown of it; of a list from its beginning, an empty one is empty."""
    if isinstance(shown, dict):
        return isinstance(answer, dict) and all(name in answer and is_in(shown[name], answer[name]) for name in shown)
    if isinstance(shown, list):
        is_long_enough = len(answer) >= len(shown) and (bool(shown) or not answer)
        return is_long_enough and all(is_in(one, other) for one, other in zip(shown, answer, strict=False))
    return bool(shown == answer)


def test_every_example_of_the_room_is_answered_as_it_says(visitor: Visitor) -> None:
    program = visitor.set_up().program("read", "write")
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))

    for method, path, body, status, shown in examples:
        given = json.loads(body) if body.strip() else None
        answer = program.client.request(method, path, json=given)
        where = f"{method} {path}: {answer.text}"
        assert answer.status_code == int(status), where
        assert is_in(json.loads(shown), answer.json()), where

    described = {
        (method.upper(), re.sub(r"{[^}]*}", "X", path))
        for path, methods in program.get("/api/v1/openapi.json").json()["paths"].items()
        for method, told in methods.items()
        if "incidents" in told["tags"] and "{incident_id}" in path and not WITHOUT & set(path.split("/"))
    }
    tried = {(method, path.partition("?")[0]) for method, path, *_ in examples}
    missing = {
        (method, path)
        for method, path in described
        if not any(one == method and re.fullmatch(re.escape(path).replace("X", "[^/]+"), other) for one, other in tried)
    }
    assert missing == set()

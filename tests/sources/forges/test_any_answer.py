"""Whatever stands in a forge's answer: told or left out, and nothing that could do harm."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.gitlab_objects import project_of, release_report
from resile.sources.doors.naming import Naming, Told
from resile.sources.forges import bitbucket_mapping as bitbucket
from resile.sources.forges import gitlab_mapping as gitlab
from resile.sources.forges.rest import RestNode, UnfitError
from tests.sources.doors.test_any_body import changed, places, texts_in
from tests.sources.forges import bitbucket_answers, gitlab_answers

NAMING = Naming(DoorOptions(runs={"deploy-to-production": "production"}))
TOLD = Told(recorded_at=datetime(2024, 3, 1, tzinfo=UTC), by="import:test")
ODD = [
    *(None, True, 7, 1 << 80, 1.5, "", [], [7], {"a": 1}),
    *("\x1b[2J\u202e", "x" * 3_000, "9999-12-31T23:59:59-23:59", "javascript:x", "https://[", "2024-01-01T08:00:00Z"),
]


def node(value: Any) -> RestNode:
    return RestNode("a forge's answer", "", value)


PROJECT = project_of(node(gitlab_answers.project("https://git.acme.example")), NAMING)
SHOP = bitbucket.repository(node(bitbucket_answers.repository()), NAMING)
NOTES = [
    gitlab_answers.note(1, gitlab_answers.BOB, "Why?", "2024-01-01T08:20:00Z"),
    gitlab_answers.note(2, gitlab_answers.BOB, "approved this merge request", "2024-01-01T08:30:00Z", is_system=True),
]
ACTIVITY = [
    bitbucket_answers.update("MERGED", "2024-01-01T09:00:00Z"),
    bitbucket_answers.said("approval", bitbucket_answers.BOB, "2024-01-01T08:30:00Z"),
    bitbucket_answers.comment(1, bitbucket_answers.BOB, "2024-01-01T08:20:00Z"),
]
# What is answered, and what is made of it.
TELLS: dict[str, tuple[Any, Callable[[RestNode], Any]]] = {
    "gitlab project": (gitlab_answers.project("https://x.example"), lambda one: project_of(one, NAMING).repo),
    "gitlab commit": (gitlab_answers.commit("a" * 40, "b" * 40), lambda one: gitlab.commit(one, "shop")),
    "gitlab deployment": (gitlab_answers.deployment(), lambda one: gitlab.deployment(one, PROJECT, TOLD, "production")),
    "gitlab release": (
        gitlab_answers.release(),
        lambda one: release_report(PROJECT, TOLD, one, tag=one["tag_name"], url=one["_links"]["self"].url()),
    ),
    "gitlab merge request": (
        [gitlab_answers.merge_request(), NOTES, [gitlab_answers.commit("a" * 40)]],
        lambda all_of_it: gitlab.merge_request(*parts(all_of_it), PROJECT, TOLD),
    ),
    "gitlab issue": (
        [gitlab_answers.issue(23, "incident", "service::x"), [gitlab_answers.state_event(1, "closed", "2024-01-02")]],
        lambda all_of_it: gitlab.incident(*parts(all_of_it), PROJECT),
    ),
    "bitbucket repository": (bitbucket_answers.repository(), lambda one: bitbucket.repository(one, NAMING)),
    "bitbucket commit": (bitbucket_answers.commit("a" * 40, "b" * 40), lambda one: bitbucket.commit(one, "shop")),
    "bitbucket deployment": (
        bitbucket_answers.deployment(),
        lambda one: bitbucket.deployment(one, SHOP, TOLD, environments={"env-prod": "production"}, sha=None),
    ),
    "bitbucket pipeline": (
        bitbucket_answers.pipeline(),
        lambda one: (bitbucket.run_names(one), bitbucket.pipeline(one, SHOP, TOLD, environment="production"))[1],
    ),
    "bitbucket tag": (bitbucket_answers.tag(), lambda one: bitbucket.release(one, SHOP, TOLD, sha=None)),
    "bitbucket pull request": (
        [bitbucket_answers.pull_request(), ACTIVITY, [bitbucket_answers.commit("a" * 40)]],
        lambda all_of_it: bitbucket.pull_request(*parts(all_of_it), SHOP, TOLD, merge_sha=None),
    ),
    "bitbucket issue": (
        [bitbucket_answers.issue(), [bitbucket_answers.change(1, "open", "resolved", "2024-01-02T00:00:00Z")]],
        lambda all_of_it: (bitbucket.labels_of(parts(all_of_it)[0]), bitbucket.incident(*parts(all_of_it), SHOP))[1],
    ),
}


def parts(all_of_it: RestNode) -> tuple[Any, ...]:
    """What is asked for at several places: an object, then lists."""
    first, *lists = all_of_it.items()
    return first, *(list(one.items()) for one in lists)


def links_in(value: Any) -> Iterator[str]:
    """Every address in a value that a page would make a link of."""
    if isinstance(value, dict):
        yield from (one for name, one in value.items() if name in {"url", "page"} and isinstance(one, str))
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from links_in(one)


@pytest.mark.parametrize("name", TELLS)
def test_an_answer_with_one_thing_wrong_is_told_or_left_out(name: str) -> None:
    answer, tell = TELLS[name]
    tell(node(answer))
    for way in places(answer):
        if isinstance(answer, list) and len(way) < 2:
            continue
        for odd in ODD:
            try:
                told = msgspec.to_builtins(tell(node(changed(answer, way, odd))))
            except UnfitError as error:
                told = str(error)
            for text in texts_in(list(told) if isinstance(told, tuple) else told):
                assert len(text) <= 2_500, (way, odd)
                assert text.isprintable(), (way, odd)
            assert not [link for link in links_in(told) if not link.startswith("https://")], (way, odd)

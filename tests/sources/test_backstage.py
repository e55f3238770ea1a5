"""Backstage's entities are read beside documents, under names that fit, and what is not understood is told."""

from pathlib import Path
from typing import Any

import pytest

from resile.model.catalog import Kind, check_references, document_of
from resile.sources.catalog_folder import Folder, read_folder

SHOP = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: Shop
  title: The shop
  annotations:
    backstage.io/kubernetes-id: shop-web
    pagerduty.com/integration-key: secret
    resile/aliases: shop-api, shop-worker
    resile/policy: shop
spec:
  type: service
  lifecycle: production
  owner: core
  dependsOn: [resource:default/db, component:payments/ledger, "api:default/rates", component:gone]
---
apiVersion: backstage.io/v1alpha1
kind: Resource
metadata: {name: db}
spec: {type: database, owner: "group:default/core"}
---
apiVersion: backstage.io/v1beta1
kind: component
metadata: {name: ledger, namespace: payments}
spec: {type: service, lifecycle: experimental, owner: "user:default/ann"}
"""
PEOPLE = """\
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: core, annotations: {resile/schedules: core}}
spec: {type: team, profile: {displayName: Core team}, children: [], members: [bob, "user:default/gone"]}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: ann}
spec: {profile: {displayName: Ann Example, email: ann@example.org}, memberOf: [core, team:x]}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: bob}
spec: {memberOf: [group:default/core]}
---
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: everything}
spec: {owner: core}
"""
OWN = """\
kind: policy
name: shop
steps: [{page: [team/core]}]
---
kind: team
name: core
policy: shop
---
kind: person
name: bob
title: Bob
"""


def read(folder: Path, known: Any = (), **files: str) -> Folder:
    for name, text in files.items():
        (folder / name).mkdir()
        (folder / name / "catalog-info.yaml").write_text(text)
    return read_folder(folder, known=known)


def bodies(found: Folder) -> dict[str, dict[str, Any]]:
    return {f"{kind} {name}": body for (kind, name), (body, _) in found.documents.items()}


def test_entities_become_documents_and_ours_complete_them(tmp_path: Path) -> None:
    found = read(tmp_path, shop=SHOP, people=PEOPLE, own=OWN, known={(Kind.SCHEDULE, "core")})

    assert bodies(found) == {
        "policy shop": {"steps": [{"page": ["team/core"]}]},
        "team core": {"title": "Core team", "members": ["bob", "ann"], "schedules": ["core"], "policy": "shop"},
        "person ann": {
            "title": "Ann Example",
            "contacts": [{"name": "mail", "channel": "email", "address": "ann@example.org"}],
        },
        "person bob": {"title": "Bob"},
        "service shop": {
            "title": "The shop (Shop)",
            "owner": "core",
            "depends_on": ["db", "payments.ledger"],
            "policy": "shop",
            "aliases": ["shop-api", "shop-worker", "shop-web"],
        },
        "service db": {"owner": "core"},
        "service payments.ledger": {"title": "payments/ledger"},
    }
    shop = tmp_path / "shop/catalog-info.yaml"
    people = tmp_path / "people/catalog-info.yaml"
    assert sorted(found.notes) == sorted(
        [
            f"{people}, row 16: Backstage's System is not read",
            f"{shop}, row 1: it depends on 'api:default/rates', which is not followed",
            f"{shop}, row 1: component:default/shop names service 'gone', which is not there; it is left out",
            f"{shop}, row 22: owner user:default/ann is a user; a service's owner is a team, and it has none here",
            f"{people}, row 1: group:default/core names person 'gone', which is not there; it is left out",
        ]
    )
    documents = {key: document_of(*key, body) for key, (body, _) in found.documents.items()}
    documents[Kind.SCHEDULE, "core"] = document_of(Kind.SCHEDULE, "core", {"zone": "UTC"})
    check_references(documents, places={})


def test_nothing_secret_is_taken(tmp_path: Path) -> None:
    assert "secret" not in repr(bodies(read(tmp_path, shop=SHOP)))


def test_of_two_entities_under_one_name_the_second_is_told(tmp_path: Path) -> None:
    twin = "apiVersion: backstage.io/v1alpha1\nkind: Resource\nmetadata: {name: shop}\n"

    found = read(tmp_path, a=SHOP, b=twin)

    assert bodies(found)["service shop"]["title"] == "The shop (Shop)"
    assert any("resource:default/shop would be called as component:default/shop is" in note for note in found.notes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind: Component\nmetadata: {}\n", "entity without a name is not read"),
        ("kind: Component\nmetadata: [1]\nspec: 7\n", "entity without a name is not read"),
        ("kind: [x]\nmetadata: {name: a}\n", "is not read"),
        ("kind: Template\nmetadata: {name: a}\n", "Backstage's Template is not read"),
    ],
)
def test_entity_that_is_none_is_told_and_not_fatal(tmp_path: Path, text: str, says: str) -> None:
    found = read(tmp_path, a=f"apiVersion: backstage.io/v1alpha1\n{text}")

    assert found.documents == {}
    assert says in found.notes[0]


def test_odd_fields_are_passed_over(tmp_path: Path) -> None:
    text = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: odd, title: {$text: ./title.txt}, annotations: [x]}
spec: {owner: [a], dependsOn: {a: b}}
"""
    found = read(tmp_path, a=text)

    assert bodies(found) == {"service odd": {}}

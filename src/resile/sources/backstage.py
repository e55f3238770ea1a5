"""Backstage's entities (`catalog-info.yaml`) as documents: components and resources, groups and users."""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from resile.model.catalog import MAX_NAME, Kind

_API = "backstage.io/"
_KINDS = {"component": Kind.SERVICE, "resource": Kind.SERVICE, "group": Kind.TEAM, "user": Kind.PERSON}
_DEFAULT = "default"
# What of an entity's annotations says how alerts call it.
_ALIASES = ("backstage.io/kubernetes-id", "pagerduty.com/service-id")
POLICY, ALIASES, SCHEDULES = "resile/policy", "resile/aliases", "resile/schedules"
_MAX_TITLE = 200

Key = tuple[Kind, str]


class Entity(Struct, frozen=True, kw_only=True):
    """An entity of Backstage that becomes a document.

    Attributes:
        ref: as Backstage calls it: `component:default/shop`.
        member_of: groups of a user.
    """

    key: Key
    ref: str
    place: str
    body: dict[str, Any]
    member_of: tuple[str, ...] = ()


def is_entity(said: object) -> bool:
    """Whether a YAML document is one of Backstage's."""
    return isinstance(said, Mapping) and str(said.get("apiVersion", "")).startswith(_API)


def entity_of(said: Mapping[str, Any], place: str, notes: list[str]) -> Entity | None:
    """The document that an entity becomes; None, with a note, for what resile has no document of."""
    kind = str(said.get("kind", "")).lower()
    metadata, spec = _inner(said, "metadata"), _inner(said, "spec")
    name = metadata.get("name")
    if kind not in _KINDS or not isinstance(name, str):
        what = str(said.get("kind"))[:40] if isinstance(name, str) else "entity without a name"
        notes.append(f"{place}: Backstage's {what} is not read")
        return None
    namespace = _text(metadata, "namespace") or _DEFAULT
    ref = f"{kind}:{namespace}/{name}".lower()
    key = (_KINDS[kind], _name_of(ref))
    body = _title(metadata, spec, key[1], namespace)
    if kind == "user":
        return Entity(
            key=key, ref=ref, place=place, body=body | _person(spec), member_of=_refs(spec, "memberOf", "group")
        )
    more = _team(metadata, spec) if kind == "group" else _service(metadata, spec, place, notes)
    return Entity(key=key, ref=ref, place=place, body=body | more)


def documents_of(
    entities: Collection[Entity], known: Collection[Key], notes: list[str]
) -> dict[Key, tuple[dict[str, Any], str]]:
    """Bodies and where they stand, naming only what is there.

    Args:
        known: what else there is: documents of the folder, and of the catalog.
        notes: gets a sentence for each name that leads nowhere, and for each entity that is there twice.
    """
    first: dict[Key, Entity] = {}
    for one in entities:
        if one.key in first:
            notes.append(f"{one.place}: {one.ref} would be called as {first[one.key].ref} is; it is not read")
        else:
            first[one.key] = one
    members: dict[str, list[str]] = {}
    for one in first.values():
        for team in one.member_of:
            members.setdefault(team, []).append(one.key[1])
    there = {*first, *known}
    found = {}
    for key, one in first.items():
        body = dict(one.body)
        if key[0] is Kind.TEAM:
            body["members"] = list(dict.fromkeys([*body.get("members", []), *members.get(key[1], [])]))
        found[key] = _followed(one, body, there, notes), one.place
    return found


def _followed(one: Entity, body: dict[str, Any], there: Collection[Key], notes: list[str]) -> dict[str, Any]:
    """The body without names that lead nowhere."""
    for field, kind in (
        ("members", Kind.PERSON),
        ("schedules", Kind.SCHEDULE),
        ("depends_on", Kind.SERVICE),
        ("owner", Kind.TEAM),
        ("policy", Kind.POLICY),
    ):
        said = body.get(field)
        named = said if isinstance(said, list) else [said] if said else []
        lost = [name for name in named if (kind, name) not in there]
        notes += [f"{one.place}: {one.ref} names {kind} {name!r}, which is not there; it is left out" for name in lost]
        kept = [name for name in named if name not in lost]
        if isinstance(said, list):
            body[field] = kept
        elif lost:
            body[field] = None
    return {field: value for field, value in body.items() if value not in (None, [])}


def _name_of(ref: str) -> str:
    """`component:default/Shop` is `shop`; of another namespace, `payments.shop`."""
    namespace, _, name = ref.partition(":")[2].partition("/")
    whole = name if namespace == _DEFAULT else f"{namespace}.{name}"
    return whole.lower()[:MAX_NAME].strip("-._")


def _title(metadata: Mapping[str, Any], spec: Mapping[str, Any], name: str, namespace: str) -> dict[str, Any]:
    """The title; where the name is not the entity's own, that stands in it: `Shop (payments/Shop)`."""
    own = metadata["name"] if namespace == _DEFAULT else f"{namespace}/{metadata['name']}"
    title = _text(metadata, "title") or _text(_inner(spec, "profile"), "displayName")
    shown = title or ("" if own == name else own)
    if own not in {name, shown}:
        shown = f"{shown[: _MAX_TITLE - len(own) - 3]} ({own})"
    shown = "".join(one if one.isprintable() else " " for one in shown).strip()[:_MAX_TITLE]
    return {"title": shown} if shown and shown != name else {}


def _person(spec: Mapping[str, Any]) -> dict[str, Any]:
    email = _text(_inner(spec, "profile"), "email")
    return {"contacts": [{"name": "mail", "channel": "email", "address": email}]} if email else {}


def _team(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    annotations = _inner(metadata, "annotations")
    return {
        "members": list(_refs(spec, "members", "user")),
        "schedules": _listed(_text(annotations, SCHEDULES)),
        "policy": _text(annotations, POLICY) or None,
    }


def _service(metadata: Mapping[str, Any], spec: Mapping[str, Any], place: str, notes: list[str]) -> dict[str, Any]:
    annotations = _inner(metadata, "annotations")
    kind, owner = _parted(_text(spec, "owner"), "group")
    if kind == "user":
        notes.append(f"{place}: owner {owner} is a user; a service's owner is a team, and it has none here")
    depends_on = []
    for said in spec.get("dependsOn") or []:
        other, ref = _parted(said if isinstance(said, str) else "", "component")
        if _KINDS.get(other) is Kind.SERVICE:
            depends_on.append(_name_of(ref))
        else:
            notes.append(f"{place}: it depends on {str(said)[:80]!r}, which is not followed")
    aliases = [*_listed(_text(annotations, ALIASES)), *(_text(annotations, name) for name in _ALIASES)]
    return {
        "owner": _name_of(owner) if kind == "group" and owner else None,
        "depends_on": list(dict.fromkeys(depends_on)),
        "policy": _text(annotations, POLICY) or None,
        "aliases": list(dict.fromkeys(one for one in aliases if one)),
    }


def _refs(spec: Mapping[str, Any], field: str, default: str) -> tuple[str, ...]:
    """Names of what entity refs of a kind lead to."""
    found = spec.get(field)
    parted = [_parted(one, default) for one in found if isinstance(one, str)] if isinstance(found, list) else []
    return tuple(_name_of(ref) for kind, ref in parted if kind == default)


def _parted(said: str, default: str) -> tuple[str, str]:
    """Kind and whole ref of `[kind:][namespace/]name`; an empty ref where nothing is said."""
    if not said:
        return default, ""
    kind, _, rest = said.strip().rpartition(":")
    namespace, _, name = rest.rpartition("/")
    kind = (kind or default).lower()
    return kind, f"{kind}:{namespace or _DEFAULT}/{name}".lower()


def _inner(value: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    found = value.get(field)
    return found if isinstance(found, Mapping) else {}


def _text(value: Mapping[str, Any], field: str) -> str:
    found = value.get(field)
    return found.strip() if isinstance(found, str) else ""


def _listed(said: str) -> list[str]:
    return [one.strip() for one in said.split(",") if one.strip()]

"""The people of a simulation, their ways, and the policy that pages them."""

from datetime import datetime

from numpy.random import Generator

from resile.ports.catalog import CatalogStore, Writing

PEOPLE = ("ann", "bob", "cleo", "dan")
CHANNELS = ("push", "sms", "mail")


def write_catalog(store: CatalogStore, rng: Generator, *, at: datetime) -> dict[str, int]:
    """Write who they are; how many ways lead to each."""
    people = {}
    for person in PEOPLE:
        n = int(rng.integers(1, 4))
        names = [str(name) for name in rng.permutation(CHANNELS)[:n]]
        people[person] = {
            "contacts": [{"name": name, "channel": name, "address": f"{person}@{name}"} for name in names],
            "rules": [{"use": name, "after": f"{4 * place}m"} for place, name in enumerate(names)],
        }
    steps = [
        {"page": [f"person/{rng.choice(PEOPLE)}"], "after": "0" if not place else f"{int(rng.integers(1, 6))}m"}
        for place in range(int(rng.integers(1, 4)))
    ]
    policy = {"steps": steps, "repeat": int(rng.integers(0, 3)), "last": f"{int(rng.integers(2, 6))}m"}
    writings = [Writing(kind="person", name=name, body=body, expected=0) for name, body in people.items()]
    writings.append(Writing(kind="policy", name="default", body=policy, expected=0))
    store.write(writings, at=at, by="simulation")
    return {person: len(body["contacts"]) for person, body in people.items()}

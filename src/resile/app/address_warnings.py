"""What documents say of channels that will not do here: one that is not set up, an address that it does not take."""

from collections.abc import Mapping, Sequence

from resile.app.catalog import Key
from resile.model.catalog import Kind, Person, document_of
from resile.model.errors import ConfigError
from resile.model.paging_documents import TemplateDocument, contacts_of
from resile.ports.channel import Channel

_MOST_REFUSED = 20


def address_warnings(
    documents: Mapping[Key, tuple[Mapping[str, object], str]], channels: Mapping[str, Channel]
) -> list[str]:
    """One sentence for each channel that is not set up here, and for each address that its channel does not take.

    Warnings, and no errors: where the files are brought in, the settings may be others than where pages are sent.

    Args:
        documents: bodies that are right, and where each stands; an empty place where no file holds it.
    """
    missing: dict[str, list[str]] = {}
    refused: list[str] = []
    for (kind, name), (body, place) in documents.items():
        document = document_of(kind, name, dict(body))
        before = f"{place}: " if place else ""
        if isinstance(document, TemplateDocument) and document.channel is not None:
            if document.channel not in channels:
                missing.setdefault(document.channel, []).append(f"{before}{Kind.TEMPLATE} {name!r}")
        elif isinstance(document, Person):
            for contact in contacts_of(name, document.contacts):
                subject = f"{before}person {name!r}: contact {contact.name!r}"
                channel = channels.get(contact.channel)
                if channel is None:
                    missing.setdefault(contact.channel, []).append(subject)
                elif fault := _fault(channel, contact.address):
                    refused.append(f"{subject}: {fault}")
    told = [_not_set_up(channel, subjects) for channel, subjects in sorted(missing.items())]
    n_more = len(refused) - _MOST_REFUSED
    more = [f"{n_more} more addresses are not taken by their channels; mend those above first"] if n_more > 0 else []
    return [*told, *refused[:_MOST_REFUSED], *more]


def _fault(channel: Channel, address: str) -> str | None:
    try:
        channel.address(address)
    except ConfigError as error:
        return str(error)
    return None


def _not_set_up(channel: str, subjects: Sequence[str]) -> str:
    others = f" and {len(subjects) - 1} more" if len(subjects) > 1 else ""
    return f"{subjects[0]}{others}: channel {channel} is not set up here; add [channels.{channel}] to resile.toml"

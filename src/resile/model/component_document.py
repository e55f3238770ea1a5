"""Components of the status page, as people write them in documents."""

from resile.model.document import DocumentBase
from resile.model.errors import ConfigError
from resile.model.schedule import check_name

MAX_DESCRIPTION = 500
MAX_SERVICES = 100
MAX_ORDER = 1_000_000


class ComponentDocument(DocumentBase, frozen=True, kw_only=True):
    """A part of what users see, as they call it.

    Attributes:
        description: a sentence that the page shows beneath it.
        group: components of one group stand together under its name.
        order: the lower, the higher on the page; of the same, by title.
        services: for which it stands; never shown.
        public: whether the page shows it.
    """

    description: str = ""
    group: str = ""
    order: int = 0
    services: tuple[str, ...] = ()
    public: bool = True


def check_component(name: str, document: ComponentDocument) -> None:
    """Whether the page can show it.

    Raises:
        ConfigError: a text or a list is too long, or the order out of bounds.
    """
    subject = f"component {name!r}"
    if document.group:
        check_name(document.group, f"{subject}: group")
    if len(document.description) > MAX_DESCRIPTION:
        raise ConfigError(f"{subject}: its description is longer than {MAX_DESCRIPTION} characters; shorten it")
    if len(document.services) > MAX_SERVICES:
        raise ConfigError(f"{subject} stands for more than {MAX_SERVICES} services; make several components of it")
    if abs(document.order) > MAX_ORDER:
        raise ConfigError(
            f"{subject}: order {document.order} lies outside -{MAX_ORDER} to {MAX_ORDER}; give a smaller one"
        )

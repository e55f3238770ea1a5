"""What subscribers read beside what somebody wrote."""

from resile.ports.telling_store import Telling, TellingKind

_CONFIRM = (
    "Somebody, most likely you, asked that updates of our status be sent here. Confirm it, and they will be. "
    "If it was not you, do nothing: nothing more will come."
)


def words_for(telling: Telling) -> tuple[str, str]:
    """Title and text of a telling as it leaves."""
    if telling.kind is TellingKind.CONFIRM:
        return "Confirm that you want to hear of our status", _CONFIRM
    return telling.title, telling.text

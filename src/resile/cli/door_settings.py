"""What to enter at a sender, as a terminal shows it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resile.app.door_recipes import Recipe


def settings_text(recipes: "tuple[Recipe, ...]") -> str:
    """What to enter, each way with the words before it."""
    return "\n\n".join(f"{one.words}:\n\n{_indented(one.text)}" for one in recipes)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.splitlines())

"""A playbook for a page: its Markdown as HTML that does nothing, and in between its steps, each by itself."""

from msgspec import Struct

from resile.app.markdown import as_html
from resile.model.playbook import Playbook, PlaybookStep
from resile.model.playbook_text import blocks_of, body_lines

# `#` is the page's own heading, `##` and what is below come after it.
_TOP_HEADING = 1


class ShownPart(Struct, frozen=True, kw_only=True):
    """What comes next: a step, or HTML between steps."""

    html: str = ""
    step: PlaybookStep | None = None


def shown_parts(playbook: Playbook) -> list[ShownPart]:
    """The parts in their order."""
    lines = body_lines(playbook.text)
    steps = {step.line: step for step in playbook.steps}
    parts: list[ShownPart] = []
    done = 0
    has_title = False
    for token in blocks_of(lines):
        if token.map is None or token.level != 0:
            continue
        start, end = token.map
        is_title = token.type == "heading_open" and token.tag == "h1" and not has_title
        step = steps.get(start + 1) if token.type == "fence" else None
        if is_title or step is not None:
            parts += _html(lines[done:start])
            done = end
        if step is not None:
            parts.append(ShownPart(step=step))
        has_title = has_title or is_title
    return [*parts, *_html(lines[done:])]


def _html(lines: list[str]) -> list[ShownPart]:
    text = "\n".join(lines).strip("\n")
    if not text:
        return []
    return [ShownPart(html=as_html(text, keeps_lines=False, top_heading=_TOP_HEADING))]

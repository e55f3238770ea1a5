"""Words of messages from templates of the catalog: of Jinja what can neither run long nor reach what it was not given.

Templates print, choose and go through lists; they set, call and calculate nothing, so that what they cost is bounded by
what stands in them.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from itertools import islice
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, Undefined, nodes, pass_context
from jinja2.runtime import Context, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec.structs import asdict

from resile.app.message_facts import Facts, PageFacts, ShiftFacts, UpdateFacts
from resile.app.message_samples import SAMPLES
from resile.app.printable import printable, printable_lines
from resile.model.errors import ConfigError
from resile.model.paging_documents import TemplateDocument

MAX_OUTPUT = 20_000
MAX_ROUNDS = 1_000
_LONGEST_S = 0.5
_TOO_LONG = f"writes more than {MAX_OUTPUT} characters; shorten it"
_KEPT = 256
_MAX_FAULT = 200
# No template can name it: there are spaces in it.
_BUDGET = "the budget of this rendering"
_COUNTED = "counted"
KINDS: Mapping[str, type[Facts]] = {"page": PageFacts, "shift_notice": ShiftFacts, "update": UpdateFacts}

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.If,
    nodes.For,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.CondExpr,
    nodes.Concat,
    nodes.Tuple,
    nodes.List,
    nodes.Keyword,
)


class _Budget:
    """What one rendering may still use."""

    def __init__(self) -> None:
        self._rounds = MAX_ROUNDS
        self._until = time.monotonic() + _LONGEST_S

    def look(self) -> None:
        if time.monotonic() > self._until:
            raise ConfigError(f"takes longer than {_LONGEST_S} s; make it plainer")

    def round(self) -> None:
        self._rounds -= 1
        if self._rounds < 0:
            raise ConfigError(f"goes round more than {MAX_ROUNDS} times; make its loops shorter")
        self.look()

    def text(self, text: str) -> str:
        self.look()
        if len(text) > MAX_OUTPUT:
            raise ConfigError(_TOO_LONG)
        return text


def rendered(name: str, document: TemplateDocument, facts: Facts) -> tuple[str, str]:
    """Subject and text; empty where the template says nothing of it.

    Raises:
        ConfigError: it cannot be rendered: the template's name, what is wrong, and what to do.
    """
    told = asdict(facts)
    try:
        subject = printable(_text_of(document.subject, told)).strip()
        return subject, printable_lines(_text_of(document.text, told)).strip()
    except ConfigError as error:
        raise ConfigError(f"template {name!r} {error}") from None


def check_template_renders(document: TemplateDocument, name: str = "") -> list[str]:
    """What is wrong with a template, one sentence each; it is tried on a whole message and on a bare one."""
    if document.message not in KINDS:
        return [f"template {name!r} is for {document.message[:40]!r} messages; there are {', '.join(KINDS)}"]
    faults = []
    for facts in SAMPLES[document.message]:
        if isinstance(facts, UpdateFacts) and document.audience not in {None, facts.audience}:
            continue
        try:
            rendered(name, document, facts)
        except ConfigError as error:
            faults.append(str(error))
    return list(dict.fromkeys(faults))


def chosen(
    templates: Mapping[str, TemplateDocument],
    message: str,
    channel: str,
    *,
    audience: str | None = None,
    phase: str | None = None,
) -> tuple[str, TemplateDocument] | None:
    """The template that fits best: one for that channel before one for all, then audience, then phase.

    Of several that fit as well the first by name.
    """
    wanted = (("channel", channel), ("audience", audience), ("phase", phase))
    fitting = [
        (name, one)
        for name, one in sorted(templates.items())
        if one.message == message and all(getattr(one, field) in {None, value} for field, value in wanted)
    ]
    return max(
        fitting,
        key=lambda named: tuple(getattr(named[1], field) is not None for field, _ in wanted),
        default=None,
    )


def _text_of(source: str, told: Mapping[str, Any]) -> str:
    if not source:
        return ""
    try:
        return _written(_compiled(source), told)
    except ConfigError:
        raise
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        place = f" in line {line}" if line else ""
        raise ConfigError(f"cannot be rendered{place}: {_said(error)}; correct it") from None
    except Exception as error:  # noqa: BLE001 - whatever somebody's template breaks, the page goes out
        raise ConfigError(f"cannot be rendered: {_said(error)}; correct it") from None


def _written(template: Template, told: Mapping[str, Any]) -> str:
    pieces, n_written = [], 0
    for piece in template.generate({**told, _BUDGET: _Budget()}):
        pieces.append(piece)
        n_written += len(piece)
        if n_written > MAX_OUTPUT:
            raise ConfigError(_TOO_LONG)
    return "".join(pieces)


def _said(error: BaseException) -> str:
    words = printable(str(error)).strip().rstrip(".")
    return (words or type(error).__name__)[:_MAX_FAULT]


@lru_cache(_KEPT)
def _compiled(source: str) -> Template:
    environment = _environment()
    tree = environment.parse(source)
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            raise ConfigError(f"uses {type(node).__name__} in line {node.lineno}, which no template may; leave it out")
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            raise ConfigError(f"uses the filter {node.name!r}; there are {', '.join(sorted(_FILTERS))}")
    for loop in tree.find_all(nodes.For):
        if loop.recursive:
            raise ConfigError(f"has a recursive loop in line {loop.lineno}; leave that out")
        loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
    tree.set_environment(environment)
    return environment.from_string(tree)


@lru_cache(1)
def _environment() -> ImmutableSandboxedEnvironment:
    # Messages are plain text; channels that write HTML escape it.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printed,
    )
    environment.globals = {}
    environment.filters = {name: pass_context(partial(_bounded, filter_)) for name, filter_ in _FILTERS.items()}
    environment.filters[_COUNTED] = pass_context(_counted)
    return environment


def _printed(value: Any) -> Any:
    """What is written of a value. `title.upper` instead of `title|upper` would show where our memory lies."""
    if (callable(value) and not isinstance(value, Undefined)) or isinstance(value, TemplateReference):
        raise ConfigError(f"prints a {type(value).__name__}, which is no text; name one of its fields, or use a filter")
    return "" if value is None else value


def _budget_of(context: Context) -> _Budget:
    budget: _Budget = context.parent[_BUDGET]
    return budget


def _bounded(filter_: Callable[..., Any], context: Context, value: Any, *args: Any, **named: Any) -> Any:
    budget = _budget_of(context)
    budget.look()
    found = filter_(value, *args, **named)
    return budget.text(found) if isinstance(found, str) else found


def _counted(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    budget = _budget_of(context)
    for value in values:
        budget.round()
        yield value


def _joined(values: Iterable[Any], between: Any = ", ") -> str:
    sign, texts = str(between), [str(one) for one in islice(values, MAX_ROUNDS)]
    if sum(map(len, texts)) + len(texts) * len(sign) > MAX_OUTPUT:
        raise ConfigError(_TOO_LONG)
    return sign.join(texts)


def _replaced(text: Any, old: Any, new: Any) -> str:
    whole, part, other = str(text), str(old), str(new)
    if len(whole) + whole.count(part) * len(other) > MAX_OUTPUT:
        raise ConfigError(_TOO_LONG)
    return whole.replace(part, other)


def _cut(text: Any, limit: int = 255) -> str:
    whole = str(text)
    return whole if len(whole) <= limit else whole[: max(limit - 1, 0)] + "…"


_FILTERS: Mapping[str, Callable[..., Any]] = {
    "capitalize": lambda text: str(text).capitalize(),
    "default": lambda value, other="": other if isinstance(value, Undefined) else value or other,
    "first": lambda values: next(iter(values), ""),
    "join": _joined,
    "last": lambda values: values[-1] if values else "",
    "length": len,
    "lower": lambda text: str(text).lower(),
    "replace": _replaced,
    "title": lambda text: str(text).title(),
    "trim": lambda text: str(text).strip(),
    "truncate": _cut,
    "upper": lambda text: str(text).upper(),
}

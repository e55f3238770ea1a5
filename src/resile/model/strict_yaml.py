"""YAML that people wrote: no key twice, no aliases without end, and an error that names the row."""

import re
from collections.abc import Iterator
from typing import Any, cast

import yaml

from resile.model.errors import ConfigError

_MAX_NODES = 50_000


class YamlError(ConfigError):
    """A text that is no YAML, or none that a person would write.

    Attributes:
        row: at which, from 1; None: nobody can say.
        problem: what is wrong there, with the way out, without the place.
    """

    def __init__(self, shown: str, row: int | None, problem: str) -> None:
        super().__init__(f"{shown}{'' if row is None else f', row {row}'}{problem}")
        self.row = row
        self.problem = problem.removeprefix(": ").strip()


def yaml_documents(body: bytes, *, shown: str, keeps_times: bool = False) -> Iterator[tuple[Any, int]]:
    """Each document with the row at which it begins, from 1; none in an empty file.

    Args:
        shown: what the file is called in errors.
        keeps_times: leave what looks like a time or a date as it stands: 22:00 is text, and no number of minutes.

    Raises:
        YamlError: it is no YAML, or more than a person would write.
    """
    try:
        loader = (_TimesKept if keeps_times else _StrictLoader)(body)
        try:
            while loader.check_node():
                # There is one: it was looked for a moment ago.
                node = cast("yaml.Node", loader.get_node())
                yield loader.construct_document(node), node.start_mark.line + 1
        finally:
            loader.dispose()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise YamlError(shown, None if mark is None else mark.line + 1, f": {problem}; correct the YAML") from None
    except RecursionError:
        raise YamlError(shown, None, " is nested too deeply; write it flatter") from None
    except (ValueError, KeyError, AttributeError, IndexError, OverflowError):
        # PyYAML reads what looks like a date or a number, or is tagged as one, with Python's own functions and lets
        # them fail.
        problem = ": a date, a number or a truth value in it is none; put names between quotes"
        raise YamlError(shown, None, problem) from None


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands there twice, of which YAML would silently take the last, and aliases without end."""

    def construct_document(self, node: yaml.Node) -> Any:
        if _n_nodes(node, {}) > _MAX_NODES:
            problem = f"with its aliases (*) written out it has more than {_MAX_NODES:,} words"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return super().construct_document(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str | int | float | bool) and key in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key!r} stands there twice", problem_mark=key_node.start_mark)
            if not isinstance(key, list | dict | set):
                seen.add(key)
        return super().construct_mapping(node, deep)


class _TimesKept(_StrictLoader):
    """Takes numbers to the base of sixty, and dates, for the words that they are."""


_TimesKept.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith((":int", ":float", ":timestamp"))]
    for first, known in _StrictLoader.yaml_implicit_resolvers.items()
}
_TimesKept.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_TimesKept.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+\.[0-9]+(?:[eE][-+][0-9]+)?$"), list("-+0123456789")
)


def _n_nodes(node: yaml.Node, known: dict[int, int]) -> int:
    """How many words there would be if every alias were written out; one that holds itself has them without end."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = _MAX_NODES + 1  # What is met while it is being counted holds itself.
        inner = [one for pair in node.value for one in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + sum(_n_nodes(one, known) for one in inner)
    return known[id(node)]

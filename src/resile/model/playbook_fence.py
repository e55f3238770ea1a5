"""What a fenced block says of itself: a language, and in braces the attributes that make it a step."""

import re
from datetime import timedelta
from difflib import get_close_matches

from msgspec import Struct

from resile.model.document import length_of
from resile.model.errors import ConfigError
from resile.model.playbook import (
    LONGEST_STEP,
    MAX_STEP_BODY,
    QUESTION,
    Comparison,
    Expectation,
    PlaybookStep,
    RunnerKind,
    SectionName,
)
from resile.model.room_event import Risk

LANGUAGES = {
    "sh": RunnerKind.SHELL,
    "bash": RunnerKind.SHELL,
    "shell": RunnerKind.SHELL,
    "http": RunnerKind.HTTP,
    "query": RunnerKind.QUERY,
    "promql": RunnerKind.QUERY,
    "sql": RunnerKind.QUERY,
}
# What each runner may be told.
_COMMON = ("name", "risk", "timeout")
_KNOWN: dict[RunnerKind, tuple[str, ...]] = {
    RunnerKind.SHELL: (*_COMMON, "rollback", "secrets", "auto"),
    RunnerKind.HTTP: (*_COMMON, "rollback", "expect", "secrets", "auto"),
    RunnerKind.QUERY: (*_COMMON, "expect", "source", "auto"),
}
# What is handed to it as it is written.
FURTHER = ("source", "secrets", "auto")
_ATTRIBUTE = re.compile(r"""\s*([A-Za-z][\w-]{0,39})=(?:"([^"]*)"|([^\s"'{}=]+))(?=[\s}])""")
_END = re.compile(r"\s*\}\s*")
_STEP_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_EXPECT = re.compile(r"(<=|>=|==|!=|<|>|)\s*([-+]?\d{1,15}(?:\.\d{1,15})?(?:[eE][-+]?\d{1,2})?)(?:\s+for\s+(\S.*))?")
_SECRETS = re.compile(r"(?:[A-Z][A-Z0-9_]{0,63}(?:,[A-Z][A-Z0-9_]{0,63}){0,19})?")
_MAX_INFO = 1_000
_STEP_SECTIONS = (SectionName.DIAGNOSIS, SectionName.MITIGATION, SectionName.VERIFY)


class Fence(Struct, frozen=True):
    """A fenced block: what follows its first fence on the line, what stands between, and the line, from 1."""

    info: str
    body: str
    line: int


def step_of(fence: Fence, section: SectionName | None) -> PlaybookStep | None:
    """The step that a fenced block is; None: it only shows something, and never runs.

    Raises:
        ConfigError: it is meant to be one and cannot be; without the place.
    """
    braces = fence.info.find("{")
    if braces < 0:
        return None
    language = fence.info[:braces].strip()
    rest = fence.info[braces:]
    runner = LANGUAGES.get(language.lower())
    if runner is None:
        if not re.search(r"\b(name|risk)=", rest):
            return None  # Attributes of another program: what that language's highlighter is told.
        known = ", ".join(LANGUAGES)
        raise ConfigError(f"a block of {language[:40] or 'no language'!r} cannot run; use one of {known}")
    told = _attributes(rest, runner)
    name = _named(told)
    if section is None:
        raise ConfigError(
            f"step {name!r} stands outside of the sections; move it below ## {' or ## '.join(_STEP_SECTIONS)}"
        )
    return _step(told, fence, section, runner=runner, language=language)


def _attributes(written: str, runner: RunnerKind) -> dict[str, str]:
    if len(written) > _MAX_INFO:
        raise ConfigError(f"the attributes of a step are longer than {_MAX_INFO} characters; shorten them")
    told: dict[str, str] = {}
    at = 1
    while (found := _ATTRIBUTE.match(written, at)) is not None:
        key, value = found[1], found[2] if found[2] is not None else found[3]
        if key not in _KNOWN[runner]:
            near = get_close_matches(key, _KNOWN[runner], n=1)
            hint = f"did you mean {near[0]}=?" if near else f"a {runner} step has {', '.join(_KNOWN[runner])}"
            raise ConfigError(f"attribute {key!r} is unknown; {hint}")
        if key in told:
            raise ConfigError(f"attribute {key!r} stands there twice; keep one")
        told[key] = value
        at = found.end()
    if _END.fullmatch(written, at) is None:
        raise ConfigError(
            f"the attributes are not understood from {written[at : at + 40].strip()!r} on; "
            'write {name=roll-back risk=change timeout=5m}, values with spaces between "quotes"'
        )
    return told


def _named(told: dict[str, str]) -> str:
    name = told.get("name")
    if name is None:
        raise ConfigError(
            "a block with attributes has no name; add name=, or take the attributes away if it never runs"
        )
    if not _STEP_NAME.fullmatch(name):
        raise ConfigError(
            f"step {name[:40]!r} cannot be called so; "
            "use 1 to 64 small letters, digits, - and _, a letter or digit first"
        )
    return name


def _step(
    told: dict[str, str], fence: Fence, section: SectionName, *, runner: RunnerKind, language: str
) -> PlaybookStep:
    name = told["name"]
    if not fence.body.strip():
        raise ConfigError(f"step {name!r} is empty; write what it is to do, or take its attributes away")
    if len(fence.body) > MAX_STEP_BODY:
        raise ConfigError(f"step {name!r} is longer than {MAX_STEP_BODY:,} characters; put it in a program of its own")
    expect = None if "expect" not in told else _expectation(told["expect"], name)
    risk = _risk(told, name, runner, section)
    if "rollback" in told and risk is Risk.READ:
        raise ConfigError(f"step {name!r} only reads and has nothing to undo; leave rollback= out, or mend its risk")
    further = {key: told[key] for key in FURTHER if key in told}
    if "source" in further and not _SOURCE.fullmatch(further["source"]):
        raise ConfigError(
            f"step {name!r}: source {further['source'][:40]!r} is no name; use one that the settings give to a source"
        )
    _check_further(further, name)
    return PlaybookStep(
        name=name,
        section=section,
        runner=runner,
        language=language.lower(),
        body=fence.body,
        risk=risk,
        timeout=_timeout(told, name, runner, expect),
        rollback=told.get("rollback"),
        expect=expect,
        attributes=further,
        line=fence.line,
    )


def _check_further(further: dict[str, str], name: str) -> None:
    if not _SECRETS.fullmatch(further.get("secrets", "")):
        raise ConfigError(
            f"step {name!r}: secrets {further['secrets'][:40]!r} are no names; "
            "write secrets=DEPLOY_TOKEN, or several with commas between"
        )
    if further.get("auto", "yes") not in {"yes", "no"}:
        raise ConfigError(f"step {name!r}: auto is yes or no; write auto=no for a step that is not to run by itself")


def _risk(told: dict[str, str], name: str, runner: RunnerKind, section: SectionName) -> Risk:
    said = told.get("risk")
    if said is None and runner is RunnerKind.QUERY:
        return Risk.READ
    if said is None:
        raise ConfigError(f"step {name!r} does not say its risk; add risk=read, risk=change or risk=danger")
    if said not in list(Risk):
        raise ConfigError(f"step {name!r}: risk {said[:40]!r} is unknown; use read, change or danger")
    risk = Risk(said)
    if runner is RunnerKind.QUERY and risk is not Risk.READ:
        raise ConfigError(f"step {name!r} is a query, which only reads; write risk=read, or make it a sh or http step")
    if section is SectionName.VERIFY and risk is not Risk.READ:
        raise ConfigError(f"step {name!r} of Verify may only look; write risk=read, or move it to Mitigation")
    return risk


def _timeout(told: dict[str, str], name: str, runner: RunnerKind, expect: Expectation | None) -> timedelta:
    lasts = timedelta(0) if expect is None else expect.lasts
    if "timeout" not in told:
        if runner is RunnerKind.QUERY:
            return lasts + QUESTION
        raise ConfigError(f"step {name!r} has no timeout; add timeout=20s, or what it may take at most")
    timeout = length_of(told["timeout"], f"step {name!r}: timeout", least=timedelta(seconds=1), most=LONGEST_STEP)
    if lasts and timeout <= lasts:
        raise ConfigError(
            f"step {name!r} gives up before what it expects can have lasted; "
            "make timeout= longer than what stands after for"
        )
    return timeout


def _expectation(said: str, name: str) -> Expectation:
    found = _EXPECT.fullmatch(said.strip())
    if found is None:
        raise ConfigError(f'step {name!r}: expect {said[:40]!r} is not understood; write "< 0.005 for 5m" or "== 200"')
    lasts = timedelta(0)
    if found[3] is not None:
        most = LONGEST_STEP - QUESTION
        lasts = length_of(found[3], f"step {name!r}: expect", least=timedelta(seconds=1), most=most)
    return Expectation(Comparison(found[1] or "=="), float(found[2]), lasts)

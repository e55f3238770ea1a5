"""Where the text of a step says an input: `$service` or `${service}`."""

import re
from collections.abc import Iterator

from resile.model.playbook import PlaybookStep, RunnerKind

# One for all who read or fill in what a step says.
SAID_INPUT = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", re.ASCII)
_ANY_SAID = re.compile(r"\$(?:\{[#!]?([A-Za-z_]\w*)[^}]*\}|([A-Za-z_]\w*))", re.ASCII)
# What a shell gives its own variables: by assignment, by `for`, `read`, `local` and their like, and in arithmetic.
_ASSIGNED = re.compile(
    r"(?:^|[\s;&|(`{])(?:(?:export|local|declare|readonly|typeset)\s+(?:-\w+\s+)*)?([A-Za-z_]\w*)\+?=|"
    r"\bfor\s+([A-Za-z_]\w*)\b|\bread\s+((?:-\w+\s+)*(?:[A-Za-z_]\w*\s*)+)|\b(?:getopts)\s+\S+\s+([A-Za-z_]\w*)",
    re.ASCII | re.MULTILINE,
)
_QUOTED = re.compile(r"'[^']*'")
# A shell sets these itself, or every program is given them.
_KNOWN = frozenset({
    "HOME", "PATH", "PWD", "OLDPWD", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "HOSTNAME", "IFS", "PPID", "RANDOM",
    "SECONDS", "LINENO", "OPTARG", "OPTIND", "REPLY", "UID", "EUID",
})  # fmt: skip


def inputs_said(step: PlaybookStep) -> list[str]:
    """The names that a step asks to be given, each once, in their order.

    A shell's own variables are none, and secrets that the step lists are no inputs.
    """
    secrets = step.attributes.get("secrets", "").split(",")
    return [name for name in dict.fromkeys(_said(step)) if name not in secrets]


def _said(step: PlaybookStep) -> Iterator[str]:
    if step.runner is not RunnerKind.SHELL:
        yield from (found[1] or found[2] for found in SAID_INPUT.finditer(step.body.replace("$$", "")))
        return
    text = _QUOTED.sub("''", step.body)
    own = {
        name for found in _ASSIGNED.findall(text) for said in found for name in said.split() if not name.startswith("-")
    }
    for found in _ANY_SAID.finditer(text):
        name = found[1] or found[2]
        if name not in own and name not in _KNOWN:
            yield name

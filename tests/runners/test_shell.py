"""A step for a shell gets its inputs byte for byte, and leaves nothing behind, whatever it tries."""

import os
import resource
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resile.model.room_event import StepOutcome
from resile.ports.runner import Ran, StepRefusedError, Work
from resile.runners.shell import MAX_VALUE_BYTES, ShellLimits, ShellRunner, checked_environment

HOSTILE = [
    "$(reboot)",
    "`reboot`",
    "; rm -rf / #",
    "' ; touch pwned ; '",
    '" && touch pwned "',
    "x\ntouch pwned\n",
    "-rf /",
    "*",
    "~",
    "${PATH}",
    "\\",
    "$",
    "\x1b[2J",
    "\r\n\t ",
    "👩‍🚒 مرحبا",
    "()  { :;}; touch pwned",
    "%s%n",
    "",
]


def ran(body: str, *, timeout_s: float = 10.0, inputs: Mapping[str, str] | None = None, **more: object) -> Ran:
    """What becomes of a step."""
    runner = ShellRunner(ShellLimits(**more), grace_s=0.2)  # type: ignore[arg-type]
    work = Work(language="sh", body=body, inputs=inputs or {}, timeout_s=timeout_s)
    return runner.run(work, threading.Event())


def is_gone(mark: str) -> bool:
    """Whether no process has this among its arguments."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in process.read_bytes().split(b"\0"):
                return False
        except OSError:
            continue
    return True


def test_hostile_inputs_reach_the_program_as_they_are_and_do_nothing(tmp_path: Path) -> None:
    inputs = {f"x{number}": value for number, value in enumerate(HOSTILE)}
    body = "; ".join(f'printf "%s\\0" "$x{number}"' for number in range(len(HOSTILE))) + "; test ! -e pwned"

    found = ran(body, inputs=inputs)

    assert found.outcome is StepOutcome.DONE
    assert found.head == b"".join(value.encode() + b"\0" for value in HOSTILE)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60) | st.sampled_from(HOSTILE)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(TEXTS, min_size=1, max_size=25))
def test_what_reaches_the_program_is_exactly_the_bytes_given(values: list[str]) -> None:
    """As the kernel has them: read from the environment of the program itself."""
    inputs = {f"input_{number}": value for number, value in enumerate(values)}

    found = ran("cat /proc/self/environ", inputs=inputs, output_bytes=100_000)

    told = dict(one.partition(b"=")[::2] for one in found.head.rstrip(b"\0").split(b"\0") if one)
    assert {name: told.get(name.encode()) for name in inputs} == {name: one.encode() for name, one in inputs.items()}


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"x": "a\0b"}, "NUL character"),
        ({"x": "\ud800"}, "half a character"),
        ({"x": "y" * (MAX_VALUE_BYTES + 1)}, "100,001 bytes"),
        ({"LD_PRELOAD": "evil.so"}, "cannot be called"),
        ({"PATH": "."}, "cannot be called"),
        ({"BASH_ENV": "x"}, "cannot be called"),
        ({"a b": "x"}, "cannot be called"),
        ({f"x{number}": "y" * 90_000 for number in range(12)}, "all inputs have"),
    ],
)
def test_what_no_program_can_be_given_is_refused_with_a_sentence(inputs: dict[str, str], why: str) -> None:
    with pytest.raises(StepRefusedError, match=why):
        checked_environment(Work(language="sh", body="true", inputs=inputs, timeout_s=1))


def test_the_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESILE_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    told = ran("cat /proc/self/environ; ls /proc/self/fd", inputs={"service": "checkout"}).head.decode()

    environment, _, descriptors = told.rpartition("\0")
    assert {one.partition("=")[0] for one in environment.split("\0")} <= {
        "PATH", "HOME", "LANG", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_", "service",
    }  # fmt: skip
    # The fourth is that of ls, which looks.
    assert descriptors.split() == ["0", "1", "2", "3"]


def test_its_folder_is_its_own_and_gone_afterwards() -> None:
    told = (
        ran("pwd; echo x > file; mkdir -p deep/er; echo x > deep/er/file; chmod 000 deep/er deep .; ls")
        .head.decode()
        .split("\n")
    )

    assert "resile-step-" in told[0]
    assert not Path(told[0]).exists()


@pytest.mark.parametrize(
    "body",
    [
        "sleep {mark} & exit 0",
        "(setsid sleep {mark} &) ; exit 0",
        "(setsid nohup sh -c 'sleep {mark} & sleep {mark}' >/dev/null 2>&1 </dev/null &) ; exit 0",
        "sh -c 'sh -c \"trap : TERM HUP; sleep {mark}; sleep {mark}\" & exit 0' ; exit 0",
    ],
)
def test_what_it_leaves_behind_is_ended_with_it(body: str) -> None:
    mark = f"97{os.getpid()}"

    found = ran(body.format(mark=mark))

    assert is_gone(mark)
    assert found.outcome is StepOutcome.DONE
    assert "still there when it had ended" in found.because


@pytest.mark.parametrize(
    "body",
    [
        "sleep {mark}",
        "trap '' TERM INT HUP; sleep {mark} & wait; sleep {mark}",
        "(setsid nohup sleep {mark} >/dev/null 2>&1 &) ; sleep {mark}",
        "exec 1>&- 2>&-; sleep {mark}",
        "kill -STOP $$; sleep {mark}",
    ],
)
def test_what_takes_too_long_is_ended_with_all_that_came_of_it(body: str) -> None:
    mark = f"98{os.getpid()}"
    began = monotonic()

    found = ran(body.format(mark=mark), timeout_s=0.4)

    assert found.outcome is StepOutcome.TIMED_OUT
    assert is_gone(mark)
    assert monotonic() - began < 8


def test_a_gigabyte_of_output_costs_no_memory_and_holds_nobody_up() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    found = ran("head -c 999999990 /dev/zero; printf 0123456789", timeout_s=60)

    assert (found.outcome, found.n_output_bytes) == (StepOutcome.DONE, 1_000_000_000)
    assert found.tail.endswith(b"\x000123456789")
    assert len(found.head) + len(found.tail) <= 4 * 16_384
    # In kilobytes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_000


def test_it_is_ended_when_it_uses_too_much() -> None:
    fills = ran("for i in $(seq 40); do head -c 1000000 /dev/zero > $i; done; sleep 30", folder_mb=10)
    many = ran("for i in $(seq 30); do sleep 30 & done; wait", processes=20)

    assert (fills.outcome, fills.because) == (StepOutcome.STOPPED, "it filled its folder with more than a step may")
    assert (many.outcome, many.because) == (StepOutcome.STOPPED, "it had more processes than a step may")


def test_limits_hold_for_memory_and_files() -> None:
    greedy = ran(f"{sys.executable} -I -S -c 'bytearray(900000000)'", memory_mb=50)
    large = ran("head -c 9000000 /dev/zero > file", file_mb=1)

    assert greedy.outcome in {StepOutcome.FAILED, StepOutcome.STOPPED}
    assert large.outcome is StepOutcome.FAILED


@pytest.mark.parametrize(
    ("body", "outcome", "code", "output"),
    [
        ("exit 3", StepOutcome.FAILED, 3, b""),
        ("kill -KILL $$", StepOutcome.FAILED, 137, b""),
        ("cat; echo read nothing", StepOutcome.DONE, 0, b"read nothing\n"),
        ("echo out; echo err >&2", StepOutcome.DONE, 0, b"out\nerr\n"),
        ("exec 1>&- 2>&-; exit 0", StepOutcome.DONE, 0, b""),
        ("if then", StepOutcome.FAILED, 2, None),
    ],
)
def test_its_end_is_told_as_it_was(body: str, outcome: StepOutcome, code: int, output: bytes | None) -> None:
    found = ran(body)

    assert (found.outcome, found.exit_code) == (outcome, code)
    assert output is None or found.head == output


def test_who_watches_over_it_may_be_killed_by_it_and_then_nobody_knows() -> None:
    mark = f"99{os.getpid()}"

    found = ran(f"(setsid sleep {mark} &); kill -KILL $PPID; sleep 5; echo on")

    assert is_gone(mark)
    assert (found.outcome, found.because) == (StepOutcome.UNKNOWN, "whoever watched over it died")
    assert found.head == b""


def test_who_kills_its_watcher_leaves_nobody_behind_by_clearing_the_environment() -> None:
    mark = f"98{os.getpid()}"

    found = ran(f"(env -i setsid sleep {mark} >/dev/null 2>&1 &); sleep 0.2; kill -KILL $PPID; sleep 5")

    assert is_gone(mark)
    assert found.outcome is StepOutcome.UNKNOWN


def test_a_folder_of_many_levels_is_removed_and_ends_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    level = "/".join("a" * 100)
    body = f'printf "%s\n" "$TMPDIR"; for i in 1 2 3 4 5 6 7 8 9 10 11; do mkdir -p {level}; cd {level}; : > f; done'

    found = ran(f"{body}; chmod 0 .; printf deep")

    folder, said = found.head.decode().splitlines()
    assert said == "deep"
    assert found.outcome in {StepOutcome.DONE, StepOutcome.STOPPED}
    assert not Path(folder).exists()


def test_a_folder_that_became_a_link_leads_the_broom_nowhere(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir(mode=0o755)

    found = ran(f'cd /; rmdir "$TMPDIR"; ln -s "{tmp_path}" "$TMPDIR"; echo "$TMPDIR"')

    assert not Path(found.head.decode().strip()).is_symlink()
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o755


def test_a_step_has_ended_though_somebody_else_holds_its_output_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resile.runners.shell.DRAINS_S", 0.2)
    hands_over = (
        f"import socket as s; c = s.socket(s.AF_UNIX); c.connect('{tmp_path}/door'); s.send_fds(c, [b'x'], [1])"
    )
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{tmp_path}/door")
        door.listen()

        found = ran(f'{sys.executable} -I -S -c "{hands_over}"; echo done', timeout_s=20)

        taken, _ = door.accept()
        with taken:
            _, [held], _, _ = socket.recv_fds(taken, 1, 1)
            os.close(held)
    assert (found.outcome, found.head) == (StepOutcome.DONE, b"done\n")
    assert found.lasted_s < 15


def test_it_is_stopped_when_somebody_says_so() -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()

    found = ShellRunner(grace_s=0.2).run(Work(language="sh", body="sleep 30", timeout_s=20), stop)

    assert found.outcome is StepOutcome.STOPPED


@pytest.mark.parametrize("language", ["python", "", "zsh"])
def test_a_shell_that_is_not_there_is_refused(language: str) -> None:
    with pytest.raises(StepRefusedError, match="no shell"):
        ShellRunner().run(Work(language=language, body="true", timeout_s=1), threading.Event())


def test_a_step_longer_than_a_program_may_be_given_fails_with_a_sentence() -> None:
    found = ran("#" + "x" * 200_000)

    assert found.outcome is StepOutcome.FAILED
    assert b"could not be started" in found.head

"""The installed program in a process of its own: exit codes, streams, signals."""

import json
import resource
import signal
import socket
import statistics
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from resile import __version__
from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.web.limits import MAX_CONNECTIONS
from tests.e2e.program import BIN, Program

QUICK_S = 0.5


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """One incident, declared; only to be looked at."""
    program = Program(tmp_path_factory.mktemp("declared"))
    program.run("incident", "declare", "Größe – zu groß", "--severity", "1")
    return program


def test_version_is_printed(program: Program) -> None:
    assert program.run("--version").stdout == f"resile {__version__}\n"


def test_without_a_command_the_help_is_shown(program: Program) -> None:
    done = program.run(code=2)

    assert "Usage: resile" in done.stdout + done.stderr


def test_an_unknown_command_is_bad_input_and_a_near_one_is_proposed(program: Program) -> None:
    done = program.run("reprot", code=2)

    assert done.stdout == ""
    assert "report" in done.stderr


def test_bad_input_ends_with_2_and_one_sentence_on_standard_error(program: Program) -> None:
    done = program.run("incident", "show", "INC-404", code=2)

    assert done.stdout == ""
    assert done.stderr == "Error: incident 'INC-404' is not known; resile incident list shows the ids\n"


def test_a_data_folder_that_is_a_file_ends_with_1_and_one_sentence(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")

    done = program.run("--data", str(file), "incident", "list", code=1)

    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert str(file) in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    assert file.read_text() == "not a folder"


def test_an_empty_data_folder_is_refused_instead_of_taken_for_the_present_one(program: Program) -> None:
    before = sorted(program.folder.iterdir())

    done = program.run("--data", "", "incident", "declare", "x", code=2)

    assert "--data is empty" in done.stderr
    assert sorted(program.folder.iterdir()) == before


def test_settings_that_cannot_be_used_are_named(program: Program) -> None:
    program.environment["RESILE_PORT"] = "many"

    done = program.run("incident", "list", code=2)

    assert "setting 'port'" in done.stderr


def test_an_error_of_ours_says_where_its_traceback_is_and_debug_shows_it(program: Program, tmp_path: Path) -> None:
    program.environment |= {"TMPDIR": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    # A broken installation: a module that resile needs fails as it loads.
    (tmp_path / "structlog.py").write_text("raise RuntimeError('half installed')\n")

    done = program.run("incident", "list", code=1)
    shown = program.run("--debug", "incident", "list", code=1)

    written = list(tmp_path.glob("resile-error-*.txt"))
    assert "RuntimeError: half installed" in done.stderr
    assert "Traceback" not in done.stderr
    assert any(str(path) in done.stderr.replace("\n", "") for path in written)
    assert all("Traceback" in path.read_text() for path in written)
    assert "Traceback" in shown.stderr


def test_a_reader_that_goes_away_is_no_error(program: Program) -> None:
    done = program.shell("(resile --help || true) | head -c 1; (resile incident list --help || true) | true")

    assert done.stderr == ""


def test_a_terminal_that_knows_ascii_only_gets_question_marks_instead_of_an_error(declared: Program) -> None:
    with declared.told(PYTHONIOENCODING="ascii", PYTHONUTF8="0"):
        assert "Gr??e" in declared.run("incident", "show", "INC-1").stdout


def test_no_colour_reaches_a_pipe(declared: Program) -> None:
    assert "\x1b[" not in declared.run("incident", "list").stdout
    assert "\x1b[" not in declared.run("incident", "show", "INC-1").stdout


def test_colour_is_left_out_on_request_even_where_it_is_forced(declared: Program) -> None:
    with declared.told(FORCE_COLOR="1", TERM="xterm-256color"):
        colored = declared.run("incident", "show", "INC-1").stdout
        plain = declared.run("--no-color", "incident", "show", "INC-1").stdout

    assert "\x1b[1;31m" in colored
    assert "\x1b[1;31m" not in plain


def test_data_before_the_command_wins_over_the_environment(program: Program, tmp_path: Path) -> None:
    program.run("--data", str(tmp_path / "other"), "incident", "declare", "x")

    assert json.loads(program.run("incident", "list", "--json").stdout)["rows"] == []
    assert (tmp_path / "other").is_dir()


def test_help_is_there_without_loading_what_computes(program: Program) -> None:
    heavy = "duckdb, ibis, numpy, scipy, pyarrow, pydantic_settings, sqlalchemy, fastapi, typst, vl_convert"
    script = (
        "import sys; from resile.cli.main import app\n"
        "try: app(['report', 'restore', '--help'])\n"
        "except SystemExit: pass\n"
        f"print('LOADED', [name for name in '{heavy}'.split(', ') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("LOADED []\n")


def test_help_appears_within_half_a_second_of_processor_time(program: Program) -> None:
    took = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        program.run("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert statistics.median(took) <= QUICK_S


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_demo_says_one_line_when_it_is_ready_and_leaves_nothing_behind(
    program: Program, tmp_path: Path, how: signal.Signals
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    program.environment["TMPDIR"] = str(scratch)

    with program.serving("demo") as server:
        during = list(scratch.glob("resile-demo-*"))
        code = server.stop(how)
        server.drain()

    assert code == 0
    assert len(during) == 1
    assert list(scratch.iterdir()) == []
    assert server.said == f"resile is ready: {server.address}/\n"
    assert not (program.folder / "data").exists(), "the demonstration keeps away from RESILE_DATA"


def test_a_demo_that_is_ended_before_it_is_ready_leaves_nothing_behind(program: Program, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [str(BIN / "resile"), "demo"],
        env={**program.environment, "TMPDIR": str(scratch), "RESILE_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while process.poll() is None and not list(scratch.glob("resile-demo-*/*")):
        threading.Event().wait(0.002)

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert list(scratch.iterdir()) == []


def test_a_demo_says_on_every_page_that_it_is_simulated_and_keeps_its_incidents_in_its_folder(
    program: Program, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    with program.serving("--data", str(kept), "demo") as server:
        with httpx2.Client(base_url=server.address, timeout=60) as browser:
            pages = [browser.get(path) for path in ("/restore", "/incidents", "/compare")]
            report = browser.get("/api/v1/report/restore").json()
        server.stop(signal.SIGTERM)
    n = n_incidents(kept)
    with program.serving("--data", str(kept), "demo") as server:
        server.stop(signal.SIGTERM)

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert all("simulated" in page.text.lower() for page in pages)
    assert report["overall"]["n_restored"] > 800
    assert n_incidents(kept) == n > 800


def n_incidents(data: Path) -> int:
    with open_resile(load_settings(data=data)) as resile:
        return resile.timelines.n_incidents()


def test_a_demo_refuses_a_folder_of_others(program: Program) -> None:
    others = program.folder / "others"
    assert n_incidents(others) == 0
    before = sorted(others.iterdir())

    refused = program.run("--data", str(others), "demo", code=2)

    assert "is not empty, and not a demonstration's" in refused.stderr
    assert sorted(others.iterdir()) == before


def test_a_port_in_use_is_said_with_exit_code_2(program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = program.run("up", "--port", str(taken.getsockname()[1]), code=2)

    assert "the port is in use" in refused.stderr


def test_whoever_asks_is_answered_though_others_hold_every_connection(program: Program) -> None:
    with program.serving("up") as server, ExitStack() as held:
        host, port = server.address.removeprefix("http://").strip("/").split(":")
        for _ in range(MAX_CONNECTIONS + 20):
            held.enter_context(socket.create_connection((host, int(port)), timeout=60))

        assert httpx2.get(f"{server.address}/healthz", timeout=60).text == "ok\n"

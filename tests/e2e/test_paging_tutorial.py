"""The tutorial of paging, done as it is written; the phone is an ntfy server on this machine."""

import re
import urllib.request
from pathlib import Path

from resile.testing.loopback_ntfy import LoopbackNtfy
from tests.e2e.monitoring import wait_until
from tests.e2e.program import Program

PAGE = Path(__file__).parents[2] / "docs/tutorial/first-page.md"


def blocks(language: str) -> list[str]:
    """The page's fenced blocks of a language, in order."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def test_tutorial_leads_to_pages_on_the_phone_and_an_answer_that_stops_them(program: Program) -> None:
    (program.folder / "catalog").mkdir()
    (program.folder / "catalog" / "first.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    commands = blocks("sh")
    at = {words: next(n for n, one in enumerate(commands) if words in one) for words in ("verify", "page", "ack ")}
    at |= {words: next(n for n, one in enumerate(commands) if words in one) for words in ("door add", "--over")}

    with LoopbackNtfy() as phone, program.told(RESILE_CHANNELS__NTFY__SERVER=phone.address):

        def rings(n_times: int, words: str) -> str:
            wait_until(lambda: len(phone.published) >= n_times, words)
            return str(phone.published[n_times - 1]["title"])

        for block in commands[: at["verify"]]:
            program.shell(block)
        with program.serving("up") as server, program.told(RESILE_PORT=server.address.rpartition(":")[2]):
            program.shell(commands[at["verify"]])
            code = rings(1, "the code arrives").split(" ")[0]
            program.run("contact", "verify", "me", "phone", "--code", code)
            program.shell(commands[at["page"]])
            title = rings(2, "the page arrives")
            shown = program.shell(commands[at["ack "]]).stdout
            for block in commands[at["ack "] + 1 : at["door add"]]:
                program.shell(block)
            program.shell(commands[at["door add"]])
            tested = rings(3, "the test pages")
            button = phone.published[2]["actions"][0]
            said = pressed(button["url"])
            over = program.shell(commands[at["--over"]]).stdout
            wait_until(lambda: is_restored(program, "INC-2"), "the test is over")

    assert title == "Is anybody there?"
    assert "Taken by" in shown
    assert button["label"] == "Acknowledge"
    assert said == "You took INC-2. Nobody else is paged for it.\n"
    assert "test" in tested.lower()
    assert "INC-2" in over
    assert len(phone.published) == 3


def pressed(url: str) -> str:
    """What is answered to a button."""
    with urllib.request.urlopen(urllib.request.Request(url, b""), timeout=30) as answer:  # noqa: S310 - resile sent it
        return str(answer.read().decode())


def is_restored(program: Program, incident_id: str) -> bool:
    """Whether it is over."""
    return "restored" in program.run("incident", "show", incident_id).stdout

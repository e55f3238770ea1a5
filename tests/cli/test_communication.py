"""Updates, maintenance windows and subscribers from the terminal."""

from tests.cli.terminal import Terminal

CHECKOUT = "kind: service\nname: checkout\ntitle: Checkout\n"


def declared(terminal: Terminal) -> None:
    """An incident of checkout."""
    folder = terminal.folder.parent / "catalog"
    folder.mkdir()
    (folder / "all.yaml").write_text(CHECKOUT, encoding="utf-8")
    terminal.says("apply", str(folder), "--yes")
    terminal.says("incident", "declare", "HTTP 5xx on db-7", "--severity", "SEV1", "--service", "checkout")


def test_update_is_drafted_agreed_to_and_published_from_the_terminal(terminal: Terminal) -> None:
    declared(terminal)

    drafted = terminal.says("incident", "update", "INC-1", "--audience", "customers", "--by", "ann")
    assert "Problems with Checkout" in drafted
    assert "db-7" not in drafted
    draft_id = drafted.split("Draft ")[1].split()[0]
    assert "wrote this update" in terminal.refuses(
        "incident", "update", "INC-1", "--draft", draft_id, "--agree", "--by", "ann"
    )
    terminal.says("incident", "update", "INC-1", "--draft", draft_id, "--agree", "--by", "bob")
    sent = terminal.says("incident", "update", "INC-1", "--draft", draft_id, "--publish", "--by", "ann")
    assert "Published for customers as investigating." in sent
    assert "was sent by user:ann" in terminal.refuses("incident", "update", "INC-1", "--draft", draft_id, "--publish")
    assert "Nothing more is promised" in terminal.says(
        "incident", "update", "INC-1", "--audience", "customers", "--withdraw"
    )


def test_update_is_said_at_once_and_nonsense_is_refused(terminal: Terminal) -> None:
    declared(terminal)

    said = terminal.says(
        "incident", "update", "INC-1", "We roll back.", "--audience", "executives", "--next", "10m", "--publish"
    )
    assert "We roll back.\nPublished for executives" in said
    for words, why in (
        (("--audience", "martians"), "there is no audience"),
        (("--audience", "customers", "--phase", "lunch"), "no phase"),
        (("--audience", "customers", "--next", "soon"), "--next"),
        (("--audience", "customers", "--status", "x"), "published elsewhere"),
        (("--draft", "nope"), "say what is to be done"),
        (("--draft", "nope", "--publish"), "no draft"),
        ((), "needs its TEXT"),
        (("x", "--retract", "--reason", "y"), "name it with --draft"),
        (("--audience", "customers", "--agree"), "name it with --draft"),
        (("--draft", "00003", "--correct", "--retract"), "say one of them"),
    ):
        assert why in terminal.refuses("incident", "update", "INC-1", *words)


def test_maintenance_is_entered_listed_moved_and_cancelled(terminal: Terminal) -> None:
    declared(terminal)
    assert "No maintenance is planned" in terminal.says("maintenance", "list")

    added = terminal.says("maintenance", "add", "New database", "--service", "checkout", "--for", "2h")
    window_id = added.split()[1]
    assert "New database" in terminal.is_wide(160).says("maintenance", "list")
    assert "in_progress" in terminal.says("maintenance", "list", "--json")
    assert "has begun" in terminal.refuses("maintenance", "move", window_id, "--from", "2020-01-01")
    assert "is over" in terminal.says("maintenance", "finish", window_id)
    other = terminal.says("maintenance", "add", "Another", "--service", "checkout", "--for", "1h", "--quiet").split()[1]
    assert "is cancelled" in terminal.says("maintenance", "cancel", other)
    assert len(terminal.json("maintenance", "list", "--all")) == 2
    for words, why in (
        (("add", "x", "--service", "nope", "--for", "1h"), "not in the catalog"),
        (("add", "x", "--service", "checkout"), "needs --until, or --for"),
        (("add", "x", "--service", "checkout", "--for", "1h", "--from", "2020-01-01"), "in the past"),
        (("cancel", "nope"), "there is no maintenance"),
    ):
        assert why in terminal.refuses("maintenance", *words)


def test_subscribers_are_listed_and_removed(terminal: Terminal) -> None:
    assert "0 are told, 0 were put aside" in terminal.says("subscriber", "list")
    assert terminal.says("subscriber", "list", "--json").strip() == "[]"
    assert "there is no subscriber" in terminal.refuses("subscriber", "remove", "nope")


def test_published_update_is_corrected_and_withdrawn_from_the_terminal(terminal: Terminal) -> None:
    declared(terminal)
    terminal.says("incident", "update", "INC-1", "It burns.", "--audience", "customers", "--publish")
    draft = ("incident", "update", "INC-1", "--draft", "00003")

    assert "say --reason WHY" in terminal.refuses(*draft, "--retract")
    corrected = terminal.says(
        "incident", "update", "INC-1", "It smokes.", *draft[3:], "--correct", "--reason", "a look", "--publish"
    )
    assert "It smokes." in corrected
    assert "Corrected for customers as investigating." in corrected
    assert "Withdrawn:" in terminal.says(*draft, "--retract", "--reason", "wrong incident")
    assert "was withdrawn by" in terminal.refuses(*draft, "--retract", "--reason", "again")
    shown = terminal.says("incident", "show", "INC-1")
    assert "It smokes." not in shown


def test_window_names_components_from_the_terminal(terminal: Terminal) -> None:
    declared(terminal)
    (terminal.folder.parent / "catalog" / "web.yaml").write_text("kind: component\nname: web\n", encoding="utf-8")
    terminal.says("apply", str(terminal.folder.parent / "catalog"), "--yes")

    assert "of component/web from" in terminal.says(
        "maintenance", "add", "New front", "--component", "web", "--for", "2h"
    )
    assert "not in the catalog" in terminal.refuses("maintenance", "add", "x", "--component", "nope", "--for", "2h")
    assert "of 1 to 50 services" in terminal.refuses("maintenance", "add", "x", "--for", "2h")

import json
from datetime import datetime

import pytest

from tests.cli.terminal import WIDTH, Terminal

SHOWN_TITLE = "Checkout is <slow> [red]x[/] & [/nothing]"


def declared(terminal: Terminal, *options: str) -> None:
    terminal.run("incident", "declare", SHOWN_TITLE, "--at", "2024-03-01T10:00:00Z", *options)


def test_an_incident_is_carried_from_declaration_to_closing(terminal: Terminal) -> None:
    declared(terminal, "--severity", "major", "--service", "checkout", "--team", "payments", "--label", "cause=deploy")

    terminal.run("incident", "impact", "INC-1", "--at", "2024-03-01T09:50:00Z")
    terminal.run("incident", "ack", "INC-1", "--who", "ann", "--at", "2024-03-01T10:05:00Z")
    terminal.run("incident", "identify", "INC-1", "full disk", "--at", "2024-03-01T10:20:00Z")
    terminal.run("incident", "mitigate", "INC-1", "--at", "2024-03-01T10:30:00Z")
    said = terminal.says("incident", "restore", "INC-1", "--at", "2024-03-01T11:00:00Z")
    terminal.run("incident", "close", "INC-1", "--at", "2024-03-02T11:00:00Z")

    assert said == "INC-1 restored, 1 h after detection.\n"
    shown = terminal.json("incident", "show", "INC-1")
    assert shown["title"] == SHOWN_TITLE
    assert shown["severity"] == "SEV2"
    assert shown["services"] == ["checkout"]
    assert shown["team"] == "payments"
    assert shown["labels"] == {"cause": "deploy"}
    assert shown["status"] == "closed"
    assert shown["responder"] == "ann"
    assert shown["cause"] == "full disk"
    assert [(phase["phase"], phase["lasted_s"]) for phase in shown["phases"]] == [
        ("detect", 600),
        ("acknowledge", 300),
        ("identify", 900),
        ("mitigate", 600),
        ("verify", 1800),
    ]
    assert {instant["source"] for instant in shown["instants"].values()} == {"human"}
    assert len(shown["timeline"]) == shown["version"] == 8


def test_the_incident_is_shown_with_its_title_as_it_stands(terminal: Terminal) -> None:
    declared(terminal)

    said = terminal.says("incident", "show", "INC-1")

    assert SHOWN_TITLE in said
    assert "Contradiction" not in said
    assert "not known" in said
    assert "said by a person" in said


def test_contradictions_are_said_when_an_incident_is_shown(terminal: Terminal) -> None:
    declared(terminal)
    terminal.run("incident", "restore", "INC-1", "--at", "2024-03-01T11:00:00Z")
    terminal.run("incident", "correct", "INC-1", "00003", "--to", "2024-03-01T09:00:00Z", "--reason", "typing error")

    said = terminal.says("incident", "show", "INC-1")

    assert "Contradiction: restored 2024-03-01T09:00:00" in said.replace("\n", " ")
    assert terminal.json("incident", "show", "INC-1")["phases"] == []


def test_a_correction_moves_an_instant_and_another_takes_it_back(terminal: Terminal) -> None:
    declared(terminal)
    terminal.run("incident", "restore", "INC-1", "--at", "2024-03-01T11:00:00Z")

    terminal.run("incident", "correct", "INC-1", "00003", "--to", "2024-03-01T12:00:00Z", "--reason", "so says the log")
    moved = terminal.json("incident", "show", "INC-1")
    terminal.run("incident", "correct", "INC-1", "00003", "--never", "--reason", "a slip")
    taken_back = terminal.json("incident", "show", "INC-1")

    assert moved["instants"]["restored"]["at"] == "2024-03-01T12:00:00Z"
    assert taken_back["instants"]["restored"] is None
    assert taken_back["status"] == "open"


def test_reopening_severity_notes_updates_and_words_are_kept(terminal: Terminal) -> None:
    declared(terminal, "--team", "payments", "--label", "cause=deploy")
    terminal.run("incident", "restore", "INC-1", "--at", "2024-03-01T11:00:00Z")

    terminal.run("incident", "reopen", "INC-1", "--reason", "again", "--at", "2024-03-01T12:00:00Z")
    terminal.run("incident", "severity", "INC-1", "1")
    terminal.run("incident", "note", "INC-1", "looked at the disks")
    terminal.run("incident", "update", "INC-1", "We are on it", "--status", "investigating")
    terminal.run(
        "incident", "describe", "INC-1", "--title", "Other", "--team", "", "--label", "cause=", "--service", "x"
    )
    shown = terminal.json("incident", "show", "INC-1")

    assert shown["n_reopened"] == 1
    assert shown["status"] == "open"
    assert shown["severity"] == "SEV1"
    assert (shown["title"], shown["team"], shown["labels"], shown["services"]) == ("Other", None, {}, ["x"])
    assert {"noted", "updated"} <= {event["kind"] for event in shown["timeline"]}


def test_a_marked_incident_no_longer_counts_until_it_is_marked_to_count(terminal: Terminal) -> None:
    declared(terminal)

    terminal.run("incident", "mark", "INC-1", "drill", "--reason", "game day")
    hidden = terminal.json("incident", "list")["rows"]
    shown = terminal.json("incident", "list", "--excluded", "drill")["rows"]
    terminal.run("incident", "mark", "INC-1", "counts")

    assert hidden == []
    assert [row["excluded_because"] for row in shown] == ["drill"]
    assert len(terminal.json("incident", "list")["rows"]) == 1


def test_merged_incidents_know_of_each_other_and_can_part_again(terminal: Terminal) -> None:
    declared(terminal)
    declared(terminal)

    terminal.run("incident", "merge", "INC-2", "INC-1")
    merged = terminal.json("incident", "show", "INC-2")["merged_into"]
    absorbed = terminal.json("incident", "show", "INC-1")["absorbed"]
    terminal.run("incident", "merge", "INC-2", "--apart")

    assert (merged, absorbed) == ("INC-1", ["INC-2"])
    assert terminal.json("incident", "show", "INC-1")["absorbed"] == []
    assert terminal.json("incident", "show", "INC-2")["merged_into"] is None


def test_who_said_so_is_kept(terminal: Terminal) -> None:
    declared(terminal, "--by", "ann")
    terminal.run("incident", "note", "INC-1", "seen", "--by", "token:ci")

    assert [event["by"] for event in terminal.json("incident", "show", "INC-1")["timeline"]] == [
        "user:ann",
        "user:ann",
        "token:ci",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "INC-9"], "incident 'INC-9' is not known"),
        (["restore", "INC-9"], "incident INC-9 is not known"),
        (["declare", "  "], "an incident needs a title"),
        (["declare", "x", "--severity", "awful"], "severity 'awful' is unknown"),
        (["declare", "x", "--at", "yesterday"], "time 'yesterday' is not ISO 8601"),
        (["declare", "x", "--at", "2199-01-01"], "lies in the future"),
        (["declare", "x", "--label", "cause"], "is not NAME=VALUE"),
        (["declare", "x", "--as", "fun"], "use planned, drill, noise, test"),
        (["mark", "INC-1", "fun"], "use planned, drill, noise, test"),
        (["merge", "INC-1"], "name the incident to merge it into"),
        (["merge", "INC-1", "INC-1"], "cannot be merged into itself"),
        (["correct", "INC-1", "00002"], "give --to TIME or --never"),
        (["correct", "INC-1", "00002", "--never"], "say --reason WHY"),
        (["correct", "INC-1", "00099", "--never", "--reason", "why"], "has no instant with event id"),
        (["reopen", "INC-1"], "is still open"),
        (["describe", "INC-1"], "nothing to describe"),
        (["list", "--state", "sleepy"], "use all, open or restored"),
        (["list", "--sort", "colour"], "cannot sort incidents by 'colour'"),
        (["list", "--from", "2024-05-01", "--to", "2024-04-01"], "window ends"),
        (["list", "--last", "a while"], "is no length of time"),
        (["list", "--severity", "awful"], "severity 'awful' is unknown"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence_with_exit_code_2(
    terminal: Terminal, arguments: list[str], sentence: str
) -> None:
    declared(terminal)

    assert sentence in terminal.refuses("incident", *arguments)


def test_the_newest_incidents_are_listed_first_within_80_columns(year: Terminal) -> None:
    lines = year.says("incident", "list", "--limit", "5").splitlines()
    starts = [row["started_at"] for row in year.json("incident", "list", "--limit", "5")["rows"]]

    assert starts == sorted(starts, reverse=True)
    assert len(starts) == 5
    assert max(map(len, lines)) <= WIDTH
    assert "--limit shows more" in lines[-1]


def test_a_limit_of_0_lists_all_and_json_lines_hold_the_same_rows(year: Terminal) -> None:
    page = year.json("incident", "list", "--limit", "0")
    lines = [json.loads(line) for line in year.says("incident", "list", "--limit", "0", "--jsonl").splitlines()]

    assert len(page["rows"]) == page["total"] > 150
    assert lines == page["rows"]


def test_filters_and_order_choose_the_rows(year: Terminal) -> None:
    rows = year.json(
        *("incident", "list", "--service", "search", "--service", "checkout", "--from", "2024-03-01"),
        *("--to", "2024-09-01", "--sort", "duration", "--ascending", "--state", "restored", "--limit", "0"),
    )["rows"]

    assert rows
    assert {service for row in rows for service in row["services"]} >= {"search", "checkout"}
    assert all({"search", "checkout"} & set(row["services"]) for row in rows)
    assert all("2024-03" <= row["started_at"][:7] < "2024-09" for row in rows)
    lasted = [row["duration_s"] for row in rows]
    assert lasted == sorted(lasted)
    assert all(datetime.fromisoformat(row["ended_at"]) for row in rows)


def test_a_label_filters(terminal: Terminal) -> None:
    declared(terminal, "--label", "cause=deploy")
    declared(terminal, "--label", "cause=disk")

    rows = terminal.json("incident", "list", "--label", "cause=disk")["rows"]

    assert [row["incident_id"] for row in rows] == ["INC-2"]


def test_an_empty_list_says_what_to_do(terminal: Terminal) -> None:
    assert "resile import --help" in terminal.says("incident", "list")
    assert terminal.json("incident", "list")["rows"] == []

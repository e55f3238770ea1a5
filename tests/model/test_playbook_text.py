"""A playbook's text: read, or refused with a sentence that names a line."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.app.playbook_sample import PLAYBOOK_EXAMPLE
from resile.model.errors import ConfigError
from resile.model.playbook import Comparison, Expectation, RunnerKind, SectionName
from resile.model.playbook_inputs import inputs_said
from resile.model.playbook_text import body_lines, examine_playbook, parse_playbook, playbook_named
from resile.model.room_event import Risk
from resile.model.severity import Severity

STEP = "```sh {name=one risk=change timeout=5m}\ntrue\n```\n"


def written(body: str, front: str = "playbook: p") -> str:
    return f"---\n{front}\n---\n# Title\n{body}"


def refusal(text: str, name: str = "p") -> str:
    with pytest.raises(ConfigError) as caught:
        parse_playbook(name, text)
    return str(caught.value)


def test_example_is_read_whole() -> None:
    playbook = parse_playbook("checkout-errors", PLAYBOOK_EXAMPLE)

    assert playbook.title == "Checkout error rate is high"
    assert [str(one) for one in playbook.match] == ["alertname=CheckoutErrorRate", "service=checkout"]
    assert (playbook.severity, playbook.owner, playbook.reviewed) == (Severity.SEV2, "payments", date(2026, 10, 1))
    assert playbook.inputs == {"service": "label.service"}
    assert [section.name for section in playbook.sections] == list(SectionName)
    assert playbook.text == PLAYBOOK_EXAMPLE
    back, ok = playbook.step("roll-back"), playbook.step("errors-are-gone")
    assert back is not None
    assert ok is not None
    assert (back.runner, back.risk, back.timeout) == (RunnerKind.SHELL, Risk.CHANGE, timedelta(minutes=5))
    assert (back.rollback, back.body, back.section) == ("roll-forward", 'deployctl rollback "$service"\n', "Mitigation")
    assert PLAYBOOK_EXAMPLE.splitlines()[back.line - 1].startswith("```sh {name=roll-back")
    assert ok.expect == Expectation(Comparison.LESS, 0.01, timedelta(minutes=5))
    assert (ok.risk, ok.timeout) == (Risk.READ, timedelta(minutes=5, seconds=30))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# no front matter", "line 1: it does not begin with front matter"),
        ("---\nplaybook: p\n", "line 1: it does not begin with front matter"),
        ("---\n- a\n- b\n---\n", "line 1: the front matter is no list of names with values"),
        ("---\nplaybook: p\nmatch: [\n---\n", "line 3: the front matter expected"),
        ("---\nplaybook: p\nplaybook: p\n---\n", "line 3: the front matter key 'playbook' stands there twice"),
        ("---\nowner: x\n---\n", "line 1: the front matter does not say which playbook it is; add playbook: p"),
        (written("", "playbook: q"), "line 2: the front matter calls it 'q', and it is to be 'p'"),
        (written("", "playbook: p\nreviewd: 2026-01-01"), "line 3: 'reviewd' is unknown in the front matter; did you"),
        (written("", "playbook: p\nreviewed: 2026-02-30"), "line 3: reviewed '2026-02-30' is no date"),
        (written("", "playbook: p\nmatch: {a: true}"), "line 3: match: a says 'True', which is no text; put"),
        (written("", "playbook: p\nmatch: {a: '~('}"), "line 3: match: pattern '(' of a cannot be read"),
        (written("", "playbook: p\ninputs: {x: lable.a}"), "line 3: inputs: x comes from 'lable.a', which"),
        (written("", "playbook: p\ninputs: {PATH: label.a}"), "line 3: inputs: 'PATH' cannot be used"),
        (written("", "playbook: p\ninputs: {https_proxy: label.a}"), "would change where programs send their requests"),
        (written(STEP), "line 5: step 'one' stands outside of the sections; move it below"),
        (written("## Other\n" + STEP), "line 6: step 'one' stands outside of the sections"),
        (written("## Verify\n## verify\n"), "line 6: section Verify stands there twice"),
        (written("## Mitigation\n" + STEP.replace(" timeout=5m", "")), "line 6: step 'one' has no timeout; add"),
        (written("## Mitigation\n" + STEP.replace("5m", "0")), "lies outside 1s to 1h"),
        (written("## Mitigation\n" + STEP.replace("5m", "soon")), "timeout: length 'soon' is not understood"),
        (written("## Mitigation\n" + STEP.replace("change", "huge")), "risk 'huge' is unknown; use"),
        (written("## Mitigation\n" + STEP.replace("risk=change ", "")), "does not say its risk"),
        (written("## Mitigation\n" + STEP.replace("risk", "riks")), "attribute 'riks' is unknown; did you mean risk=?"),
        (written("## Mitigation\n" + STEP.replace("name=one ", "")), "a block with attributes has no name"),
        (written("## Mitigation\n" + STEP.replace("name=one", "name=One")), "step 'One' cannot be called so"),
        (written("## Mitigation\n" + STEP.replace("}", "")), "the attributes are not understood from 'timeout=5m' on"),
        (written("## Mitigation\n" + STEP.replace("}", " risk=read}")), "attribute 'risk' stands there twice"),
        (written("## Mitigation\n" + STEP.replace("true", " ")), "step 'one' is empty"),
        (written("## Mitigation\n" + STEP.replace("```sh", "```ruby")), "a block of 'ruby' cannot run; use one of sh"),
        (written("## Mitigation\n" + STEP + STEP), "line 9: step 'one' stands in line 6 already"),
        (written("## Mitigation\n" + STEP.replace("}", " rollback=two}")), "undone by 'two', which is no step"),
        (written("## Mitigation\n" + STEP.replace("}", " rollback=one}")), "step 'one' cannot undo itself"),
        (written("## Diagnosis\n" + STEP.replace("change", "read").replace("}", " rollback=x}")), "nothing to undo"),
        (written("## Mitigation\n- ```sh {name=x risk=read timeout=1s}\n  true\n  ```"), "stands within a list"),
        (written("## Verify\n" + STEP), "step 'one' of Verify may only look"),
        (written('## Verify\n```query {name=q expect="small"}\nup\n```'), "expect 'small' is not understood"),
        (written('## Verify\n```query {name=q expect="< 1 for 5m" timeout=5m}\nup\n```'), "gives up before"),
        (written("## Verify\n```query {name=q risk=change}\nup\n```"), "is a query, which only reads"),
        (written('## Verify\n```query {name=q}\nup{a="$b"}\n```'), "step 'q' says $b, which is no input"),
        (written("## Impact\nleft\u202eright"), "line 6: a character that nobody sees (U+202E) could hide"),
        (written("x" * 50_001), "line 1: it is longer than 50,000 characters"),
    ],
)  # fmt: skip
def test_what_is_unsafe_or_unreadable_is_refused_with_its_line_and_the_way_out(text: str, says: str) -> None:
    said = refusal(text)

    assert says in said
    assert re.match(r"playbook 'p', line \d+: .+; .+", said, re.DOTALL)


def test_block_without_attributes_never_runs_nor_one_that_is_hidden_or_quoted_as_text() -> None:
    body = (
        "## Mitigation\n```sh\nreboot\n```\n<!--\n" + STEP + "-->\n````\n" + STEP + "````\n"
        "    ```sh {name=indented risk=change timeout=5m}\n    true\n    ```\n```python {linenos=true}\nx\n```\n"
    )

    assert parse_playbook("p", written(body)).steps == ()


def test_all_faults_are_found_at_once() -> None:
    text = written("## Mitigation\n" + STEP.replace(" timeout=5m", "") + STEP.replace("change", "huge"), "owner: x")

    assert [fault.line for fault in examine_playbook("p", text).faults] == [1, 6, 9]


def test_lines_that_end_as_on_windows_say_the_same() -> None:
    text = PLAYBOOK_EXAMPLE.replace("\n", "\r\n")
    playbook = parse_playbook("checkout-errors", text)

    assert playbook.text == text
    assert playbook.steps == parse_playbook("checkout-errors", PLAYBOOK_EXAMPLE).steps


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("echo \"$a\" ${b} '$c' $HOME $1 $? $$ \\\nx=$d; echo $x", ["a", "b", "d"]),
        ("for f in *; do read -r line; echo $f $line; done; export k=1; echo $k ${z:-none}", ["z"]),
    ],
)
def test_inputs_of_a_shell_are_what_it_does_not_set_itself(body: str, names: list[str]) -> None:
    text = written("## Diagnosis\n```sh {name=one risk=read timeout=1s}\n" + body + "\n```\n")

    assert inputs_said(parse_playbook("p", text).steps[0]) == names


@pytest.mark.parametrize(
    ("said", "value", "is_met"),
    [
        ("< 1", 0.5, True),
        ("<= 1", 1, True),
        ("> 1", 1, False),
        (">= 1", 1, True),
        ("200", 200, True),
        ("!= 0", 0, False),
    ],
)
def test_expectation_is_met_as_it_says_and_never_by_what_is_no_number(said: str, value: float, is_met: bool) -> None:
    text = written(f'## Verify\n```http {{name=h risk=read timeout=9s expect="{said}"}}\nGET /\n```\n')
    expect = parse_playbook("p", text).steps[0].expect

    assert expect is not None
    assert expect.is_met_by(value) is is_met
    assert not expect.is_met_by(float("nan"))


PIECES = st.lists(
    st.sampled_from(
        [
            "---\n", "playbook: p\n", "match: {a: b}\n", "inputs: {a: label.a}\n", "owner: &x *x\n", "# T\n",
            "## Verify\n", "## Mitigation\n", "```", "~~~~", "sh {name=a", " risk=read", " timeout=1s}",
            ' expect="< 1"', "}\n", "\n", "> ", "- ", "    ", "\t", "\r", "<!--", "-->", "$a", "[x]: y\n",
            "reviewed: 2026-01-01\n", ": ", "*", "é", "!!python/x ",
        ]
    )
    | st.text(max_size=8),
    max_size=40,
).map("".join)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(PIECES | PIECES.map(lambda text: f"---\nplaybook: p\n{text}") | PIECES.map(written))
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    examined = examine_playbook("p", text)
    n_lines = len(re.findall(r"\r\n?|\n", text)) + 1

    assert (examined.playbook is None) is bool(examined.faults)
    assert all(1 <= fault.line <= n_lines and fault.what and fault.way_out for fault in examined.faults)
    if examined.playbook is not None:
        assert examined.playbook.text == text
        assert playbook_named(text) == "p"
        assert len(body_lines(text)) == n_lines
        for step in examined.playbook.steps:
            assert step.timeout > timedelta(0)
            assert all(line.strip(" >\t") in text for line in step.body.splitlines())
    else:
        assert refusal(text).startswith("playbook 'p', line ")

"""Notes as HTML: what people write is shown as they meant it, and what is hostile does nothing."""

from html.parser import HTMLParser
from time import process_time
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.app.markdown import ALLOWED, REL, SCHEMES, as_html

ID = "0123456789abcdef" * 2
PICTURES = "/incidents/INC-1/pictures/"


class Reader(HTMLParser):
    """Gathers what a browser would find."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


def assert_harmless(shown: str) -> None:
    for tag, attributes in Reader(shown).tags:
        assert tag in ALLOWED
        allowed = ALLOWED[tag] | ({"rel"} if tag == "a" else set())
        assert set(attributes) <= allowed
        if tag == "a" and "href" in attributes:
            assert attributes["rel"] == REL
            # A browser leaves out what it does not show.
            address = "".join(one for one in attributes["href"] or "" if one > " ")
            assert urlsplit(address.lower()).scheme in SCHEMES | {""}
        if tag == "img":
            assert (attributes["src"] or "").startswith(PICTURES)


def test_what_people_write_is_shown_as_they_meant_it() -> None:
    shown = as_html("# Found\n**502** from `pay-1`\nsince *12:04*\n\n- ~~two~~\n\n| a | b |\n|---|---|\n| 1 | 2 |")

    assert "<h3>Found</h3>" in shown
    assert "<p><strong>502</strong> from <code>pay-1</code><br>\nsince <em>12:04</em></p>" in shown
    assert "<li><s>two</s></li>" in shown
    assert "<td>2</td>" in shown


def test_files_join_their_lines_and_choose_their_headings() -> None:
    shown = as_html("## Meaning\none\ntwo", keeps_lines=False, top_heading=1)

    assert shown == "<h2>Meaning</h2>\n<p>one\ntwo</p>\n"


def test_links_say_nothing_of_where_one_comes_from() -> None:
    assert as_html("[board](https://grafana.example/d/1)") == (
        f'<p><a href="https://grafana.example/d/1" rel="{REL}">board</a></p>\n'
    )
    assert f'<a href="/incidents/INC-2" rel="{REL}">' in as_html("[like this one](/incidents/INC-2)")


def test_picture_of_the_incident_is_shown_and_any_other_is_a_link() -> None:
    shown = as_html(f"![graph](picture:{ID}) ![far](https://evil.example/x.png)", pictures=PICTURES)

    assert f'<img src="{PICTURES}{ID}" alt="graph">' in shown
    assert f'<a href="https://evil.example/x.png" rel="{REL}">far</a>' in shown
    assert as_html(f"![graph](picture:{ID})") == "<p>graph</p>\n"


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&#58;alert(1))",
        "[x](java&#x09;script:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:msgbox)",
        "[x](file:///etc/passwd)",
        "![x](javascript:alert(1))",
        "![x](data:image/svg+xml;base64,PHN2Zz4=)",
        f'![x](picture:{ID}\\"onerror=alert(1))',
        '![a" onerror="alert(1)](https://x.example/"onload=alert(1))',
        "<a href='javascript:alert(1)'>x</a>",
        "<svg/onload=alert(1)>",
        "<iframe srcdoc='<script>alert(1)</script>'>",
        "<!-- --><style>*{display:none}</style>",
        "[x]: javascript:alert(1)\n\n[x]",
        '<https://x.example/?"onclick=alert(1)>',
        '```<script>"onclick=\n</code></pre><script>alert(1)</script>\n```',
        "[x](https://x.example 'a\" onclick=\"alert(1)')",
        "\x00<scr\x00ipt>alert(1)</script>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ],
)  # fmt: skip
def test_hostile_text_does_nothing(hostile: str) -> None:
    shown = as_html(hostile, pictures=PICTURES)

    assert_harmless(shown)
    assert not [tag for tag, _ in Reader(shown).tags if tag in {"script", "svg", "iframe", "style"}]


PIECES = (
    "<", ">", '"', "'", "&", "&#58;", "&Tab;", "(", ")", "[", "]", "!", "`", "```", "\n", "\n\n", "    ", "*", "|",
    "---", "<script>", "</script>", "<img src=x onerror=alert(1)>", "javascript:", "data:text/html,", "https://",
    "//x.example", "picture:", ID, "onerror=", "style=", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<svg>",
    "<math>", "<style>",
    "<textarea>", "<title>", "<a href=", "\\", "\x00", "\u2028", "# ", "> ", "1. ", "- ", "[x]: ", "&lt;", "<br/>",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map("".join))
@settings(max_examples=250, deadline=None)
def test_no_text_becomes_more_than_is_allowed(text: str) -> None:
    assert_harmless(as_html(text, pictures=PICTURES))


@pytest.mark.parametrize(
    "piece",
    ["[", "![", "*a ", "`", "> ", "- ", "<", "[a](", "|a", "_*", "&", "\\", "**a*", "[a]: b\n", "](", "~~a"],
)
def test_no_text_takes_long(piece: str) -> None:
    text = piece * (10_000 // len(piece))
    began = process_time()

    as_html(text)

    assert process_time() - began < 2

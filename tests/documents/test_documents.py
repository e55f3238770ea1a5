import re
from html.parser import HTMLParser
from io import BytesIO

import pytest
from msgspec.structs import replace
from pypdf import PdfReader

from resile.analytics.words import signed
from resile.app.documents.compare_content import compare_content
from resile.app.documents.content import Content
from resile.app.documents.html import html_document
from resile.app.documents.pdf import pdf_document
from resile.app.documents.phases_content import phases_content
from resile.app.documents.restore_content import restore_content, trend_content
from tests.documents.reports import (
    AWKWARD,
    compare_report,
    dots,
    empty_report,
    frame,
    group,
    phases_report,
    restore_report,
)

# Elements that have no end tag.
VOID = {"meta", "link", "br", "img", "input", "hr"}


def contents() -> dict[str, Content]:
    incidents = dots()
    return {
        "restore": restore_content(restore_report(), frame(), incidents, len(incidents)),
        "trend": trend_content(restore_report(), frame(), incidents, len(incidents)),
        "phases": phases_content(phases_report(), frame()),
        "compare": compare_content(compare_report(), frame()),
    }


CONTENTS = contents()
EVERY = pytest.mark.parametrize("name", sorted(CONTENTS))


class Page(HTMLParser):
    """The elements of a page, checked to be closed in order; its text; what it refers to."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(body.decode())
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in {"style", "script"}:
            self.text += data


def words(text: str) -> str:
    """The text with one space between words, and plain ones where typography has others."""
    return re.sub(r"\s+", " ", text.replace("\u202f", " ").replace("\xa0", " "))


def pdf_text(body: bytes) -> str:
    return words("\n".join(page.extract_text() for page in PdfReader(BytesIO(body)).pages))


@EVERY
def test_html_is_well_formed_and_names_no_other_host(name: str) -> None:
    body = html_document(CONTENTS[name])

    page = Page(body)
    assert page.faults == []
    references = {
        value for _, attributes in page.elements for key, value in attributes.items() if key in {"src", "href"}
    }
    assert {value for value in references if not str(value).startswith("#")} == set()
    assert "script" not in {tag for tag, _ in page.elements}
    # Names of XML vocabularies are no addresses that anybody fetches.
    addresses = set(re.findall(rb"(?:https?:)?//[\w.]+\.\w+[\w/.-]*", body))
    assert addresses <= {b"http://www.w3.org/2000/svg", b"http://www.w3.org/1999/xlink"}
    assert b"@import" not in body
    assert b"url(http" not in body


@EVERY
def test_html_follows_the_readers_theme_and_prints_in_the_light_one(name: str) -> None:
    text = html_document(CONTENTS[name]).decode()

    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert 'name="viewport"' in text
    colours = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', text))
    assert colours == set(), "every colour of a picture follows the theme"


def test_ids_of_pictures_are_unique_within_the_page() -> None:
    page = Page(html_document(CONTENTS["restore"]))

    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


@EVERY
def test_every_picture_and_table_says_what_it_shows(name: str) -> None:
    page = Page(html_document(CONTENTS[name]))

    pictures = [a for tag, a in page.elements if tag == "svg" and a.get("aria-hidden") != "true"]
    tables = [tag for tag, _ in page.elements if tag == "table"]
    captions = [tag for tag, _ in page.elements if tag == "caption"]
    assert all(picture.get("aria-label") for picture in pictures)
    assert len(tables) == len(captions) > 0


@EVERY
def test_pdf_says_what_the_html_says(name: str) -> None:
    content = CONTENTS[name]
    html, pdf = words(Page(html_document(content)).text), pdf_text(pdf_document(content))

    said = [
        "".join(text for text, _ in content.message),
        content.definition,
        content.excluded,
        *(figure.value for figure in content.figures),
        *content.about,
        *(section.title for section in content.sections),
        *content.notes,
    ]
    for text in map(words, said):
        assert text.replace(" ", "") in html.replace(" ", "")
        # Lines are broken, and at times words, where the page is narrow.
        assert text.replace(" ", "").replace("-", "") in pdf.replace(" ", "").replace("-", "")


def test_restore_documents_hold_median_interval_p90_mean_n_and_open() -> None:
    content = CONTENTS["restore"]
    for text in (words(Page(html_document(content)).text), pdf_text(pdf_document(content))):
        assert "Half of incidents are restored within 38 min" in text
        assert "95 % sure 30–49" in text
        for figure in ("3.2 h", "1.6 h", "247", "2 open", "31 excluded: 20 planned, 11 noise", "71 min", "13 min"):
            assert figure in text, figure
        assert "Severity SEV1 or SEV2" in text
        assert "1 Jan 2024 to 30 Jun 2024" in text


def test_trend_documents_name_the_empty_period_and_give_it_no_value() -> None:
    page = words(Page(html_document(CONTENTS["trend"])).text)

    assert re.search(r"Mar 2024 – – – 0", page)
    assert "Jan 2024 11 min" in page


def test_compare_documents_hold_ratio_verdict_and_parts_that_sum() -> None:
    report = compare_report(40)
    content = compare_content(report, frame())

    table = content.sections[-1].table
    assert table is not None
    assert len(table.rows) < 40, "small parts are joined"
    assert report.attribution is not None
    assert table.total[-1].text == signed(report.attribution.change_s)
    text = pdf_text(pdf_document(content))
    assert "0.75 (95 % 0.61 to 0.93)" in text
    assert "Verdict shorter" in text
    assert "smaller parts" in text
    assert "In all" in text


def test_what_people_wrote_is_text_and_never_markup() -> None:
    html = html_document(CONTENTS["restore"]).decode()
    pdf = pdf_text(pdf_document(CONTENTS["restore"]))

    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert AWKWARD.replace(" ", "") in pdf.replace(" ", "")


@EVERY
def test_pdf_is_tagged_titled_outlined_a4_and_carries_its_fonts(name: str) -> None:
    reader = PdfReader(BytesIO(pdf_document(CONTENTS[name])))

    assert reader.metadata is not None
    assert str(reader.metadata.title).startswith(CONTENTS[name].title)
    assert reader.root_object["/MarkInfo"]["/Marked"]
    assert reader.outline
    assert [round(float(side)) for side in reader.pages[0].mediabox[2:]] == [595, 842]
    fonts = {str(font.get_object()["/BaseFont"]) for page in reader.pages for font in fonts_of(page).values()}
    assert fonts
    assert all("+" in font for font in fonts), "a font with a subset's prefix is within the file"


def fonts_of(page: object) -> dict[str, object]:
    return page["/Resources"].get_object().get("/Font", {}).get_object()  # type: ignore[index]


def test_a_long_table_runs_over_pages_under_its_heading_and_every_page_is_numbered() -> None:
    groups = [group({"service": f"service-{number}"}, 10 + number) for number in range(120)]
    reader = PdfReader(BytesIO(pdf_document(restore_content(restore_report(groups), frame(), dots(), 60))))

    pages = [words(page.extract_text()) for page in reader.pages]
    assert len(pages) >= 3
    assert all(f"Page {number} of {len(pages)}" in text for number, text in enumerate(pages, start=1))
    with_rows = [text for text in pages if re.search(r"service-\d+ ", text)]
    assert len(with_rows) >= 3
    assert all("Median" in text and "P90" in text for text in with_rows), "the table's head is repeated"
    assert all(f"service-{number} " in " ".join(pages) for number in range(120))


@EVERY
def test_the_same_content_gives_the_same_bytes(name: str) -> None:
    assert html_document(CONTENTS[name]) == html_document(CONTENTS[name])
    assert pdf_document(CONTENTS[name]) == pdf_document(CONTENTS[name])


def test_simulated_incidents_are_called_so_in_both_forms() -> None:
    content = restore_content(restore_report(), frame(is_simulated=True), dots(), 60)

    assert "never happened" in Page(html_document(content)).text
    assert "never happened" in pdf_text(pdf_document(content))
    assert "never happened" not in Page(html_document(CONTENTS["restore"])).text


def test_no_incidents_give_a_document_that_says_so() -> None:
    for content in (restore_content(empty_report(), frame()), trend_content(empty_report(), frame())):
        assert "No incident of this window" in Page(html_document(content)).text
        assert "No incident of this window" in pdf_text(pdf_document(content))


def test_a_picture_that_leaves_dots_out_says_how_many_it_shows() -> None:
    content = restore_content(restore_report(), frame(), dots(60), 9000)

    assert "60 of 9 000" in words(Page(html_document(content)).text)


UNBROKEN = "payment-gateway." * 8


def test_a_name_without_spaces_is_parted_before_it_runs_over_its_neighbours() -> None:
    report = restore_report([group({"service": UNBROKEN}, 71)])

    said = PdfReader(BytesIO(pdf_document(restore_content(report, frame())))).pages[0].extract_text()
    assert UNBROKEN not in said
    assert UNBROKEN in "".join(said.split()), "and it is copied as it is"


def test_control_signs_of_a_name_reach_neither_form() -> None:
    report = restore_report([group({"service": "a\x1b[31m\tb\x07\x9b"}, 71)])
    content = restore_content(report, frame())

    html = html_document(content).decode()
    assert "a[31m b" in html
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", html)
    assert "a[31m b" in pdf_text(pdf_document(content))


def test_a_name_with_control_signs_can_stand_under_a_bar() -> None:
    report = compare_report()
    assert report.attribution is not None
    parts = [replace(part, key={"service": "a\x1b[31m\x00"}) for part in report.attribution.parts]
    content = compare_content(replace(report, attribution=replace(report.attribution, parts=parts)), frame())

    assert "a[31m" in pdf_text(pdf_document(content))
    assert "\x1b" not in html_document(content).decode()


def test_a_figure_keeps_its_unit_on_its_line_in_the_message() -> None:
    body = pdf_document(CONTENTS["restore"])

    assert "38\xa0min" in PdfReader(BytesIO(body)).pages[0].extract_text()

from io import BytesIO

from pypdf import PdfReader

from resile.app.documents.dora_content import dora_content
from resile.app.documents.html import html_document
from resile.app.documents.pdf import pdf_document
from tests.documents.deliveries import delivery, dora, unknown
from tests.documents.reports import AWKWARD, frame
from tests.documents.test_documents import Page


def test_the_file_says_message_figures_services_stages_and_what_is_missing() -> None:
    page = Page(html_document(dora_content(dora(delivery(), unknown()), frame())))

    text = " ".join(page.text.split())
    assert page.faults == []
    assert "checkout is deployed 3.1 a week, and 10 % of deployments fail." in text
    for part in ("4–23 % · 4 of 40 deployments, 2 pending", "Where the lead time of checkout · production goes"):
        assert part in text
    assert "search · production: no deployments known since 3 May: connect the pipeline" in text
    assert "Change lead time is not defined: no commits of its deployments are known" in text
    assert "3 changes are younger than their deployment" in text


def test_without_a_deployment_the_document_says_so_and_can_be_made() -> None:
    content = dora_content(dora(), frame())

    assert "No deployment is known in this window" in html_document(content).decode()
    assert pdf_document(content).startswith(b"%PDF")


def test_the_pdf_says_the_same_whatever_the_names() -> None:
    made = pdf_document(dora_content(dora(delivery(AWKWARD), delivery("search")), frame()))

    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(made)).pages)
    assert "Rework" in text
    assert "script" in text
    assert Page(html_document(dora_content(dora(delivery(AWKWARD)), frame()))).faults == []

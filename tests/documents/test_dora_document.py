from datetime import UTC, datetime, timedelta
from io import BytesIO

from pypdf import PdfReader

from resile.analytics.delivery_charts import DeploymentMark
from resile.analytics.delivery_results import DeliveryTrend, FailureLink, MetricPeriod
from resile.analytics.dora_words import METRIC_NAMES
from resile.app.documents.dora_content import Drawn, dora_content
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


def test_the_document_draws_deployments_and_the_metrics_over_time() -> None:
    at = datetime(2024, 5, 1, 12, tzinfo=UTC)
    trend = {
        key: [MetricPeriod(at + timedelta(days=30 * n), 4, 0.25, 0.1, 0.6) for n in range(3)] for key in METRIC_NAMES
    }
    drawn = Drawn(
        marks=[DeploymentMark(f"d{n}", "checkout", "production", at + timedelta(days=n)) for n in range(4)],
        n_marks=9,
        links=[
            FailureLink(deployment_id="d1", incident_id="INC-1", evidence="said", confidence=1, reason="", failed_at=at)
        ],
        until=at + timedelta(days=90),
        trend=DeliveryTrend(service="checkout", environment="production", every="month", **trend),
    )

    content = dora_content(dora(delivery()), frame(), drawn)
    page = Page(html_document(content))

    text = " ".join(page.text.split())
    assert page.faults == []
    assert "the newest 4 of 9 deployments" in text
    assert "The five metrics of checkout · production over time" in text
    assert sum(section.picture is not None for section in content.sections) == 3
    assert pdf_document(content).startswith(b"%PDF")

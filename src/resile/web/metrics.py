"""resile's own metrics at /metrics, for this machine and for programs whose token may read."""

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from resile.app.own_metrics import OwnMetrics

PATH = "/metrics"
router = APIRouter()


@router.get(PATH)
def metrics(request: Request) -> Response:
    """Everything that is measured, in Prometheus' text format; the gate has looked who asks."""
    own: OwnMetrics = request.app.state.metrics
    return Response(own.text(), media_type=CONTENT_TYPE_LATEST)

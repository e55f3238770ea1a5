"""The webhook of a Teams workflow on this machine: takes an Adaptive Card and answers 202."""

from typing import Any

from resile.testing.loopback_http import LoopbackHttp, Reply, Request

PATH = "/powerautomate/automations/direct/workflows/0a1b/triggers/manual/paths/invoke"
_SIG = "loopback-signature-of-a-workflow"
_MAX_BYTES = 28 * 1_024
_CARD = "application/vnd.microsoft.card.adaptive"


class LoopbackTeams(LoopbackHttp):
    """One workflow.

    Attributes:
        cards: that were taken, first to last.
        is_on: whether it is switched on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[dict[str, Any]] = []
        self.is_on = True

    @property
    def workflow(self) -> str:
        """Its address, with the secret in it."""
        return f"{self.address}{PATH}?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={_SIG}"

    def answer(self, request: Request) -> Reply:
        """As the gateway of workflows answers."""
        if request.query.get("sig") != _SIG:
            return _refused(401, "DirectApiAuthorizationRequired", "The request must have a valid signature.")
        if request.path != PATH or not self.is_on:
            return _refused(404, "WorkflowNotFound", "The workflow could not be found.")
        if len(request.body) > _MAX_BYTES:
            return _refused(413, "RequestEntityTooLarge", "The message is too large.")
        told = request.json()
        attachments = told.get("attachments", [])
        if told.get("type") != "message" or [one.get("contentType") for one in attachments] != [_CARD]:
            return _refused(400, "TriggerInputSchemaMismatch", "The input body does not match the schema.")
        self.cards.append(attachments[0]["content"])
        return Reply(status=202, body=b"", headers={"x-ms-workflow-run-id": f"run{len(self.cards)}"})


def _refused(status: int, code: str, words: str) -> Reply:
    return Reply(status=status, body={"error": {"code": code, "message": words}})

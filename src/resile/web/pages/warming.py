"""The first page costs what is loaded for it: statistics, templates, compiled queries. Better before anybody waits."""

from fastapi import FastAPI, Request

from resile.web.pages.restore import restore_page


def warm_up(app: FastAPI) -> None:
    """Make the main page once and throw it away.

    Raises:
        StoreError: the data cannot be read.
    """
    restore_page(
        Request({"type": "http", "method": "GET", "path": "/restore", "query_string": b"", "headers": [], "app": app})
    )

"""The settings page says which doors there are."""

import re
from collections.abc import Callable
from pathlib import Path

from resile.app.access import Identity
from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.ports.account_store import Scope
from resile.web.server import create_app
from tests.web.api.conftest import PASSWORDS
from tests.web.api.visitor import Visitor


def test_settings_list_doors_for_admins_without_their_secrets(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    with open_resile(Settings(data=fresh_data(tmp_path))) as resile:
        keeper = Identity(by="test", name="test", scopes=frozenset(Scope))
        _, secret = resile.doors.add(keeper, "github", "shop")
        resile.doors.count_refused({"github/shop": 41})
        app = create_app(resile, passwords=PASSWORDS)
        admin = Visitor(app).set_up()

        page = admin.get("/settings").text
        viewer = admin.new_user("bob", "viewer").get("/settings").text

    assert re.search(r'github/shop.*?/doors/github/shop.*?<td class="num">41</td>', page, re.DOTALL)
    assert secret is not None
    assert secret not in page
    assert "github/shop" not in viewer


def test_key_with_the_right_to_deploy_opens_nothing_else(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with open_resile(Settings(data=fresh_data(tmp_path))) as resile:
        admin = Visitor(create_app(resile, passwords=PASSWORDS)).set_up()
        pipeline = admin.program("deploy", name="pipeline").client
        reader = admin.program("read", name="reader").client
        body = {"service": "shop"}

        assert pipeline.post("/api/v1/deployments", json=body).status_code == 202
        assert reader.post("/api/v1/deployments", json=body).status_code == 403
        assert pipeline.get("/api/v1/incidents").status_code == 403
        assert pipeline.get("/api/v1/journal").status_code == 403
        assert pipeline.post("/api/v1/incidents", json={"title": "x"}).status_code == 403

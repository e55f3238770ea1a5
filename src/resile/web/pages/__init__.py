"""Pages for people: each module answers a few addresses with HTML; all are listed in `routers`."""

from resile.web.pages.actions import router as actions_router
from resile.web.pages.alerts import changes as alert_changes_router
from resile.web.pages.alerts import router as alerts_router
from resile.web.pages.catalog import changes as catalog_changes_router
from resile.web.pages.catalog import router as catalog_router
from resile.web.pages.catalog_contacts import router as catalog_contacts_router
from resile.web.pages.choices import router as choices_router
from resile.web.pages.compare import router as compare_router
from resile.web.pages.declaring import changes as declaring_changes_router
from resile.web.pages.declaring import router as declaring_router
from resile.web.pages.definitions import router as definitions_router
from resile.web.pages.delivery import router as delivery_router
from resile.web.pages.deployment import router as deployment_router
from resile.web.pages.doors import changes as doors_changes_router
from resile.web.pages.doors import router as doors_router
from resile.web.pages.exports import router as exports_router
from resile.web.pages.incident import router as incident_router
from resile.web.pages.incident_pictures import router as incident_pictures_router
from resile.web.pages.incidents import router as incidents_router
from resile.web.pages.maintenance import changes as maintenance_changes_router
from resile.web.pages.maintenance import router as maintenance_router
from resile.web.pages.now import router as now_router
from resile.web.pages.oncall import changes as oncall_changes_router
from resile.web.pages.oncall import router as oncall_router
from resile.web.pages.oncall_calendars import router as oncall_calendars_router
from resile.web.pages.paging import router as paging_router
from resile.web.pages.playbook_part import router as playbook_part_router
from resile.web.pages.playbooks import router as playbooks_router
from resile.web.pages.preferences import router as preferences_router
from resile.web.pages.restore import router as restore_router
from resile.web.pages.room_actions import router as room_actions_router
from resile.web.pages.services import router as services_router
from resile.web.pages.status_page import router as status_page_router
from resile.web.pages.update_actions import router as update_actions_router

# The list before the one: `/incidents/{id}` takes any path below it.
routers = (
    now_router,
    paging_router,
    alerts_router,
    alert_changes_router,
    restore_router,
    delivery_router,
    deployment_router,
    services_router,
    status_page_router,
    oncall_router,
    oncall_changes_router,
    oncall_calendars_router,
    doors_router,
    doors_changes_router,
    playbooks_router,
    catalog_router,
    catalog_changes_router,
    catalog_contacts_router,
    incidents_router,
    incident_pictures_router,
    incident_router,
    actions_router,
    playbook_part_router,
    room_actions_router,
    declaring_router,
    declaring_changes_router,
    update_actions_router,
    maintenance_router,
    maintenance_changes_router,
    compare_router,
    choices_router,
    definitions_router,
    exports_router,
    preferences_router,
)

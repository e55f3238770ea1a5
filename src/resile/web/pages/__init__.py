"""Pages for people: each module answers a few addresses with HTML; all are listed in `routers`."""

from resile.web.pages.preferences import router as preferences_router

routers = (preferences_router,)

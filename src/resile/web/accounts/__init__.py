"""Pages of the accounts: set-up, login, one's own account, users and tokens."""

from resile.web.accounts.doors import router as doors
from resile.web.accounts.settings import router as settings

routers = (doors, settings)

from tests.dialog.scripted_crm import crm, everyday_page, open_dialog
from tests.dialog.scripted_ledger import ledger, open_action

__all__ = ["crm", "everyday_page", "ledger", "open_action", "open_dialog"]

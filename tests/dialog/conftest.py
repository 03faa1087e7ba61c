from tests.browser.chromium import chromium, new_page
from tests.dialog.scripted_crm import crm, everyday_page, open_dialog

__all__ = ["chromium", "crm", "everyday_page", "new_page", "open_dialog"]

from tests.browser.chromium import chromium, new_page
from tests.dialog.scripted_crm import crm, open_dialog

__all__ = ["chromium", "crm", "new_page", "open_dialog"]

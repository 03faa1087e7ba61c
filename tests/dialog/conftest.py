from tests.dialog.scripted_crm import crm, everyday_page, open_dialog

__all__ = ["crm", "everyday_page", "open_dialog"]

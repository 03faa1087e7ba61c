from tests.browser.chromium import chromium, new_page
from tests.browser.demo_stack import _demo, demo

__all__ = ["_demo", "chromium", "demo", "new_page"]

from tests.browser.demo_stack import _demo, demo

__all__ = ["_demo", "demo"]

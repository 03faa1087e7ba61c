"""What every test of the connector may use."""

from tests.logging_restored import logging_restored

__all__ = ["logging_restored"]

"""The sizes of paper that documents are laid out for."""

from enum import StrEnum


class Paper(StrEnum):
    A4 = "a4"
    LETTER = "letter"

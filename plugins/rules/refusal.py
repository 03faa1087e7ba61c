"""A refusal: nothing was done, and the clerk is told what to do."""


class Refused(Exception):
    """An action is refused and changes nothing. `code` is stable, `message` tells a billing clerk what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

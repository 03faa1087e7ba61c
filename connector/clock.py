"""The clocks that entry points read: the machine's, and one that follows the local stand-ins' movable clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class FollowingClock:
    """The machine's time plus the offset in seconds that another process keeps in `file` (setting CLOCK_FILE)."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        try:
            offset = float(self._file.read_text())
        except (OSError, ValueError):
            offset = 0.0  # not written yet, or just being written
        return datetime.now(UTC) + timedelta(seconds=offset)

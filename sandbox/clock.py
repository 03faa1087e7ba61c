"""The one clock of the local CRM and the local Stripe. It can be moved, so that days pass in a test in no time."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path


class Clock:
    """The machine's time plus an offset.

    The offset is also written, as a decimal number of seconds, to `file`, where another process may read it.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._offset = timedelta()
        self._write()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> datetime:
        with self._lock:
            self._offset += timedelta(seconds=seconds)
            self._write()
        return self.now()

    def set(self, moment: datetime) -> datetime:
        with self._lock:
            self._offset = moment - datetime.now(UTC)
            self._write()
        return self.now()

    def reset(self) -> None:
        with self._lock:
            self._offset = timedelta()
            self._write()

    def _write(self) -> None:
        if self._file is not None:
            self._file.write_text(f"{self._offset.total_seconds():.6f}\n")

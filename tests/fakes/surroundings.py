"""Traffic and alerts for tests: nobody waits, everything is heard."""

from connector.traffic import ProcessTraffic
from tests.fakes.clock import ManualClock


class PatientTraffic(ProcessTraffic):
    """A pause moves the clock instead of waiting."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock, lambda seconds: clock.advance(seconds=seconds))


class HeardAlerts:
    def __init__(self) -> None:
        self.codes: list[str] = []

    def alert(self, code: str, message: str, **facts: str) -> None:
        self.codes.append(code)

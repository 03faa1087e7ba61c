"""Who is at work on what in this process. A courtesy to the CRM: the ledger's ETag is the lock, here or elsewhere."""

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from plugins.ports import Clock

REMEMBERED = 10_000
"""How many ended intents are remembered, so that the events about them cost no call."""


class ProcessTraffic:
    """Implements `plugins.ports.Traffic` with threads. `sleep` is for tests that must not wait."""

    def __init__(self, clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._guard = threading.Lock()
        self._turns: dict[UUID, tuple[threading.Lock, int]] = {}
        self._in_hand: dict[str, int] = {}
        self._ended: OrderedDict[str, bool] = OrderedDict()

    @contextmanager
    def turn(self, ledger: UUID, until: datetime) -> Iterator[bool]:
        lock = self._queue(ledger)
        at_once = lock.acquire(blocking=False)
        mine = at_once or lock.acquire(timeout=max(0.0, (until - self._clock.now()).total_seconds()))
        try:
            yield not at_once
        finally:
            if mine:
                lock.release()
            self._leave(ledger)

    @contextmanager
    def in_hand(self, reference: str) -> Iterator[None]:
        with self._guard:
            self._in_hand[reference] = self._in_hand.get(reference, 0) + 1
        try:
            yield
        finally:
            with self._guard:
                left = self._in_hand[reference] - 1
                if left:
                    self._in_hand[reference] = left
                else:
                    del self._in_hand[reference]

    def is_in_hand(self, reference: str) -> bool:
        with self._guard:
            return reference in self._in_hand

    def ended(self, reference: str, *, succeeded: bool) -> None:
        with self._guard:
            self._ended[reference] = succeeded
            self._ended.move_to_end(reference)
            while len(self._ended) > REMEMBERED:
                self._ended.popitem(last=False)

    def is_news(self, reference: str, *, succeeded: bool) -> bool:
        """Whether an event about the intent may tell what the books do not hold yet.

        Not while this process is at work on it (its row has a next check), nor when its end is known here; only a
        success is news after anything else.
        """
        with self._guard:
            if reference in self._in_hand:
                return False
            known = self._ended.get(reference)
            return known is None or (succeeded and not known)

    def pause(self, attempt: int) -> None:
        self._sleep(random.uniform(0.02, 0.1) * min(attempt, 10))  # noqa: S311 - jitter, not a secret

    def _queue(self, ledger: UUID) -> threading.Lock:
        with self._guard:
            lock, waiting = self._turns.get(ledger) or (threading.Lock(), 0)
            self._turns[ledger] = (lock, waiting + 1)
            return lock

    def _leave(self, ledger: UUID) -> None:
        with self._guard:
            lock, waiting = self._turns[ledger]
            if waiting == 1:
                del self._turns[ledger]
            else:
                self._turns[ledger] = (lock, waiting - 1)

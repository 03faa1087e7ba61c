"""What a charge costs: `python -m tests.bench --charges 200`, in process, against the sandbox.

Prints remote calls and operations per charge, how long the stand-ins worked for it, and how long it took in all.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

from plugins.rules.ledger import Outcome
from sandbox.crm import solution
from sandbox.faults import Faults
from sandbox.world import World
from tests.crashes.processes import Process

SOLUTION = Path(__file__).resolve().parents[2] / "deploy" / "solution"
MOST = 1200
"""One dollar each: INV-1001 owes 1,250.00."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charges", type=int, default=200, help=f"how many, at most {MOST}")
    charges = min(parser.parse_args().charges, MOST)
    world = World(solution.load(SOLUTION), faults=Faults(wait=lambda _: None))
    process = Process(world)
    charge(process, 0)  # the first one asks for a token and opens the ledger
    before = calls(world)
    seconds = [charge(process, number) for number in range(1, charges + 1)]
    made = {name: later[len(before[name]) :] for name, later in calls(world).items()}
    world.stop()
    every = [call for each in made.values() for call in each]
    parts = sum(len(call.get("parts") or [call]) for call in every)
    print(f"{charges} charges, one after the other")
    print(f"remote calls per charge   {len(every) / charges:8.1f}")
    print(f"operations per charge     {parts / charges:8.1f}")
    for name, each in made.items():
        print(f"ms in {name:<20}{sum(call['ms'] for call in each) / charges:8.1f}")
    ordered = sorted(seconds)
    print(f"ms per charge, median     {statistics.median(ordered) * 1000:8.1f}")
    print(f"ms per charge, 95 of 100  {ordered[int(len(ordered) * 0.95)] * 1000:8.1f}")


def charge(process: Process, number: int) -> float:
    """How long one charge took, in seconds."""
    started = time.perf_counter()
    answer = process.charge("INV-1001", "1.00", f"bench-{number:06}")
    seconds = time.perf_counter() - started
    if answer is None or answer.outcome is not Outcome.DONE:
        raise SystemExit(f"charge {number} ended as {answer}")
    return seconds


def calls(world: World) -> dict[str, list[dict[str, Any]]]:
    return {"crm": world.crm_calls.since()["calls"], "stripe": world.stripe_calls.since()["calls"]}


if __name__ == "__main__":
    main()

"""`python -m tests.crashes --seed 1234` replays one schedule; `--count 5000 --from 0` runs that many."""

import argparse
import sys
import time
from pathlib import Path

from sandbox.crm import solution
from sandbox.faults import Faults
from sandbox.world import World
from tests.crashes.schedules import Run, What, drawn, interleavings, single_faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument(
        "--single", action="store_true", help="everybody else and every fault at every call, instead"
    )
    asked = parser.parse_args()
    schema = solution.load(Path(__file__).resolve().parents[2] / "deploy" / "solution")
    world = World(schema, faults=Faults(wait=lambda _: None))
    started, failed, ran = time.monotonic(), 0, 0
    if asked.single:
        schedules = [each for what in What for each in (*interleavings(what), *single_faults(what))]
    elif asked.seed is not None:
        schedules = [drawn(asked.seed)]
    else:
        schedules = [drawn(seed) for seed in range(asked.first, asked.first + asked.count)]
    for schedule in schedules:
        told = Run(world, schedule).tell()
        ran += 1
        if told.problems or asked.seed is not None:
            print(schedule, *told.story, *told.problems, sep="\n  ")
        failed += bool(told.problems)
    print(f"{ran} schedules, {failed} failed, {time.monotonic() - started:.1f} s")
    world.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Start a charge run, or go on with one that was paused: exactly what was planned is charged, and nothing else."""

from dataclasses import replace

from plugins.actions import Action, Answer, Call
from plugins.charge_run import turn
from plugins.plan_charge_run import is_of_another
from plugins.ports import Outside
from plugins.rules.charge_runs import count_of, startable, sums_of
from plugins.rules.refusal import Refused
from plugins.rules.runs import ChargeOutcome, ChargeRun, ChargeRunBooks, ChargeRunStatus
from plugins.rules.wording import counted

ACTION = Action(
    name="cfl_StartChargeRun",
    bound_to="cfl_chargerun",
    parameters={"RequestKey": str},
    privilege="prvCreatecfl_mayrun",
)


def start_charge_run(call: Call, outside: Outside) -> Answer:
    """The lines are charged on behalf of whoever starts it. Raises what `post` raises."""

    def turned(books: ChargeRunBooks, run: ChargeRun) -> ChargeRun:
        startable(books, run)
        _check_planned_here(outside, run)
        return replace(
            run,
            status=ChargeRunStatus.RUNNING,
            started_by=call.caller,
            message="",
            next_check_on=outside.clock.now(),
        )

    def told(books: ChargeRunBooks) -> str:
        count = count_of(books.tallies, ChargeOutcome.PLANNED)
        amounts = sums_of(books.tallies, ChargeOutcome.PLANNED)
        return f"The run has started: {counted(count, 'invoice')}, {amounts}. Its lines show what is done."

    return turn(call, outside, ACTION, turned, told)


def _check_planned_here(outside: Outside, run: ChargeRun) -> None:
    """Raises `Refused` in a copy of the environment where it was planned."""
    planning = outside.books.request(run.request) if run.request is not None else None
    if is_of_another(outside, planning):
        raise Refused(
            "planned_elsewhere",
            "This run was planned in another environment, of which this one is a copy. Cancel it and plan another.",
        )

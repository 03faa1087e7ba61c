"""Cancel a charge run for good: what is charged stays charged, and what is not never is by this run."""

from dataclasses import replace

from plugins.actions import Action, Answer, Call
from plugins.charge_run import turn
from plugins.ports import Outside
from plugins.rules.charge_runs import cancellable
from plugins.rules.runs import ChargeRun, ChargeRunBooks, ChargeRunStatus

ACTION = Action(
    name="cfl_CancelChargeRun",
    bound_to="cfl_chargerun",
    parameters={"RequestKey": str},
    privilege="prvCreatecfl_mayrun",
)
TOLD = "The run is cancelled. What it has charged stays charged; the other invoices are passed over."


def cancel_charge_run(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""

    def turned(_: ChargeRunBooks, run: ChargeRun) -> ChargeRun:
        cancellable(run)
        return replace(run, status=ChargeRunStatus.CANCELLED, next_check_on=outside.clock.now())

    return turn(call, outside, ACTION, turned, lambda _: TOLD)

"""Pause a charge run: the charge that is being made ends, and no other begins."""

from dataclasses import replace

from plugins.actions import Action, Answer, Call
from plugins.charge_run import turn
from plugins.plan_charge_run import IN_HAND
from plugins.ports import Outside
from plugins.rules.charge_runs import pausable
from plugins.rules.runs import ChargeRun, ChargeRunBooks, ChargeRunStatus

ACTION = Action(
    name="cfl_PauseChargeRun",
    bound_to="cfl_chargerun",
    parameters={"RequestKey": str},
    privilege="prvCreatecfl_mayrun",
)
TOLD = (
    "The run is paused. The charge that is being made ends; no other begins before the run is started again."
)


def pause_charge_run(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""

    def turned(_: ChargeRunBooks, run: ChargeRun) -> ChargeRun:
        pausable(run)
        # Looked at once more when whoever was at it has ended its charge, or died.
        return replace(run, status=ChargeRunStatus.PAUSED, next_check_on=outside.clock.now() + IN_HAND)

    return turn(call, outside, ACTION, turned, lambda _: TOLD)

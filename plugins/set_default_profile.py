"""Set a payment profile as its account's default, in the place of another: an account has one at most (W40)."""

from datetime import datetime

from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done
from plugins.profiles import Changes, change, look_again
from plugins.rules.books import ProfileBooks
from plugins.rules.dates import business_date
from plugins.rules.ids import ProfileId
from plugins.rules.requesting import made_default, waits
from plugins.settlement import WHOLE

ACTION = Action(
    name="cfl_SetDefaultProfile",
    bound_to="cfl_paymentprofile",
    parameters={"RequestKey": str},
    privilege="prvCreatecfl_mayrequestprofile",
)


def set_default_profile(call: Call, outside: Outside) -> Answer:
    """Raises what `change` raises."""
    return change(call, outside, ACTION, lambda books: _decide(outside, books, call.received + WHOLE))


def _decide(outside: Outside, books: ProfileBooks, until: datetime) -> Changes:
    """One that waits for its customer is looked up first."""
    if waits(books.profile):
        key = ProfileId(books.profile.id)
        look_again(outside, key, until)
        books = outside.books.for_profile(key, None, None)
    profile, facts = books.profile, {"profile": str(books.profile.id)}
    today = business_date(outside.clock.now(), books.setting.time_zone if books.setting else "")
    changes = made_default(books, today)
    if not changes:
        return changes, Done(f"{profile.name} is the account's default payment profile already.", facts)
    return changes, Done(f"{profile.name} is the account's default payment profile now.", facts)

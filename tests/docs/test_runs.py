"""The figures of docs/runs.md are the code's. Its refusals are held to the code together with those of other pages."""

from plugins.carrying_on import TRIED_AGAIN
from plugins.charge_run import FOLLOWED_UP, MOST_SILENCES
from plugins.create_refund import MOST as DEBITS
from plugins.piece import BEGIN_WITHIN
from plugins.plan_charge_run import IN_HAND
from plugins.rules.charge_runs import MOST_INVOICES
from plugins.rules.usage_credits import MOST as RECORDS
from plugins.settlement import WHOLE
from tests.docs.pages import read

PAGE = " ".join(read("docs/runs.md").split())


def test_the_figures_are_the_real_ones() -> None:
    assert f"at most {RECORDS} records" in PAGE
    assert f"At most {DEBITS} debits" in PAGE
    assert f"first {BEGIN_WITHIN.seconds} seconds" in PAGE
    assert f"at most {WHOLE.seconds} seconds in one pass" in PAGE
    assert f"after {TRIED_AGAIN.seconds // 60} minutes" in PAGE
    assert f"these ids, at most {MOST_INVOICES}," in PAGE
    assert f"looked at every {FOLLOWED_UP.seconds // 60} minutes" in PAGE
    assert f"not been heard of for {IN_HAND.seconds // 60} minutes" in PAGE
    assert f"cannot be reached {MOST_SILENCES} times in a row" in PAGE

"""The figures of docs/runs.md are the code's. Its refusals are held to the code together with those of other pages."""

from plugins.carrying_on import TRIED_AGAIN
from plugins.create_refund import MOST as DEBITS
from plugins.piece import BEGIN_WITHIN
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

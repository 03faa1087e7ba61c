"""Looks over the unpacked solution for what an import would refuse: `python -m deploy.check`.

Each check is a function that returns problems; the list below is all of them. `--record` writes down the
identities that must never change again.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.checks import commands, ids, layout, manifest, scripts, tables
from deploy.source import FOLDER, Problem, Source

Check = Callable[[Source], Iterator[Problem]]

CHECKS: tuple[Check, ...] = (
    tables.names_carry_the_prefix,
    tables.tables_are_complete,
    tables.choices_use_our_values,
    tables.status_reasons_belong_to_states,
    tables.money_has_base_and_currency,
    tables.keys_name_columns,
    tables.lookups_have_relationships,
    tables.relationships_are_listed,
    layout.forms_show_columns,
    layout.subgrids_resolve,
    layout.quick_views_resolve,
    layout.views_show_columns,
    layout.tables_have_all_views,
    layout.quick_find_can_search,
    layout.read_only_columns_are_locked,
    layout.app_shows_what_exists,
    commands.ribbons_are_consistent,
    commands.ribbon_ids_are_ours,
    commands.ribbon_scripts_exist,
    commands.ribbon_privileges_exist,
    manifest.root_components_match,
    manifest.shells_stay_shells,
    manifest.manifest_names_the_publisher,
    manifest.sections_are_in_order,
    manifest.privileges_name_tables,
    manifest.ledger_is_the_service_s_alone,
    manifest.lookups_can_be_filled_in,
    manifest.markers_stay_empty,
    manifest.custom_apis_are_callable,
    scripts.web_resources_have_files,
    scripts.pages_have_nothing_inline,
    scripts.scripts_are_acceptable,
    ids.ids_are_unique,
    ids.files_carry_their_id,
    ids.identities_never_change,
)


def problems(folder: Path = FOLDER) -> list[Problem]:
    """Everything wrong with the solution in `folder`; empty when it is fit to be packed."""
    source = Source(folder)
    found = [problem for check in CHECKS for problem in check(source)]
    return [*dict.fromkeys(source.unreadable), *found]


def main(arguments: list[str]) -> int:
    if arguments == ["--record"]:
        ids.record(Source(FOLDER))
        return 0
    if arguments:
        sys.stderr.write("usage: python -m deploy.check [--record]\n")
        return 2
    found = problems()
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    sys.stdout.write(f"deploy/solution: {len(CHECKS)} checks, {len(found)} problems\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

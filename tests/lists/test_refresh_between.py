"""A refresh goes over every version that anybody may have been judged by, not over the first and the last alone."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gelombang.domain.application import State
from gelombang.journey import restriction
from gelombang.journey.refresh import Effect
from gelombang.lists.delivery import ListError
from gelombang.lists.diff import changes_between
from gelombang.lists.refreshing import refresh_layer
from gelombang.lists.shelf import Shelf
from gelombang.memory.vault import MemoryVault
from tests.journey.key_phases import KNOWN, TWO, WRITTEN, move_all, process
from tests.journey.town import Town
from tests.journey.walking import citizen
from tests.lists.agency import LAYER, TODAY, Agency

REASON = "EARLIER_RECIPIENT"


def change_keys(town: Town, folder: Path) -> None:
    """Change the HMAC keys, with a shelf that makes tags under the new ones."""
    town.shelf.close()
    for keys in (KNOWN, WRITTEN, TWO):
        move_all(town.walk, keys)
    ports = process(town.walk, TWO)
    town.shelf = Shelf(folder / "lists", town.agency.sources(), ports.vault)
    town.walk = replace(town.walk, world=replace(town.walk.world, ports=ports))


@pytest.mark.parametrize(("first", "second", "state"), [([3], [1, 3], State.VERIFIED), ([1], [], None)])
def test_whom_a_version_in_between_judged_is_judged_again_though_the_last_says_what_the_first_did(
    tmp_path, first, second, state
):
    town = Town(tmp_path, 3, listed=first)
    restriction.restrict(town.walk.ports, town.names[1])
    before = town.of(1).state
    town.deliver([*second, 2])
    town.refresh()
    town.walk.deliver()
    assert town.of(1).state is not before

    town.deliver([*first, 2])
    found = {each.application_id: each.why for each in town.refresh()}
    town.walk.deliver()
    town.shelf.close()

    assert town.of(1).state is before
    assert found[town.names[0]] == ("removed" if state else "added")


def test_whoever_was_checked_while_a_version_in_between_was_in_use_is_judged_again(tmp_path):
    town = Town(tmp_path, 1)
    town.deliver([1])
    name = town.walk.submit(citizen(1), "+6281277777777")
    town.walk.deliver()
    assert town.walk.application(name).reasons == (REASON,)
    town.deliver([])

    effects = {each.application_id: each.effect for each in town.refresh()}

    town.shelf.close()
    assert effects == {name: Effect.RESTORED, town.names[0]: Effect.SAME}


def test_versions_in_between_count_where_nobody_was_ever_refreshed(tmp_path):
    town = Town(tmp_path, 2)
    (tmp_path / "lists" / f"{LAYER}.json").unlink()
    town.deliver([1])
    town.names.append(town.walk.submit(citizen(1), "+6281277777777"))
    town.walk.deliver()
    town.deliver([])

    assert town.effects()[3] is Effect.RESTORED
    town.shelf.close()


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_version_in_between_that_cannot_be_read_is_imported_again_and_then_refreshed_over(
    tmp_path, is_gone
):
    town = Town(tmp_path, 2)
    restriction.restrict(town.walk.ports, town.names[1])
    town.deliver([1, 2])
    town.refresh()
    town.deliver([2])
    path = tmp_path / "lists" / f"{LAYER}-2026-11-23-2.list"
    town.shelf.close()
    path.write_bytes(b"" if is_gone else path.read_bytes()[:-1] + b"?")

    with pytest.raises(ListError, match="import them again") as refused:
        town.refresh()
    assert [fault.split(":")[0] for fault in refused.value.faults] == [path.name]
    town.version = 1
    town.deliver([1, 2])

    assert town.shelf.place_of(LAYER).in_use.endswith("-3.list")
    assert town.effects()[1] is Effect.RESTORED
    town.shelf.close()


def test_a_refresh_over_a_change_of_keys_goes_on_when_the_versions_are_imported_again(tmp_path):
    town = Town(tmp_path, 2, listed=[2])
    restriction.restrict(town.walk.ports, town.names[0])
    town.deliver([1, 2])
    assert town.effects() == {1: Effect.RESTRICTED}
    change_keys(town, tmp_path)
    town.version = 1
    town.deliver([1, 2])
    with pytest.raises(ListError, match="import them again") as refused:
        town.refresh()
    assert [fault.split(":")[0] for fault in refused.value.faults] == [f"{LAYER}-2026-11-23-1.list"]

    town.version = 0
    town.deliver([2])
    restriction.lift(town.walk.ports, town.names[0])

    assert town.effects() == {1: Effect.REFUSED}
    assert town.refresh() == []
    town.shelf.close()


def test_an_empty_version_has_no_tags_that_a_change_of_keys_could_make_unreadable(tmp_path):
    town = Town(tmp_path, 1)
    change_keys(town, tmp_path)
    town.deliver([1])

    assert town.effects() == {1: Effect.REFUSED}
    town.shelf.close()


def test_what_is_in_use_stays_when_one_before_it_is_imported_again_and_a_readable_one_is_refused(tmp_path):
    agency = Agency(tmp_path / "delivered")
    shelf = Shelf(tmp_path / "lists", agency.sources(), MemoryVault())
    delivered = [agency.deliver(str(number), [citizen(number).nik]) for number in (9, 10, 11)]
    for each in delivered:
        shelf.take_in(*each, TODAY)
    names = [delivery.file_name for _, delivery in delivered]

    for each in delivered[:2]:
        with pytest.raises(ListError, match="not later than"):
            shelf.take_in(*each, TODAY)
    other = agency.deliver("10", [citizen(3).nik])
    with pytest.raises(ListError, match="another list with version"):
        shelf.take_in(*other, TODAY)

    assert [None if kept is None else kept.header.delivery.file_name for kept in shelf.before(LAYER)] == [
        None,
        *names[:2],
    ]
    assert shelf.place_of(LAYER).in_use == names[2]
    shelf.close()


def test_a_list_under_the_name_of_another_version_is_not_compared(tmp_path):
    town = Town(tmp_path, 1, listed=[1])
    town.deliver([])
    folder = tmp_path / "lists"
    first, second = (folder / f"{LAYER}-2026-11-23-{number}.list" for number in (1, 2))
    town.shelf.close()
    first.write_bytes(second.read_bytes())

    with pytest.raises(ListError) as refused:
        town.refresh()

    town.shelf.close()
    assert refused.value.faults == (f"{first.name}: {first.name} is {second.name}, under another name",)


def test_what_was_imported_while_a_refresh_ran_is_kept_for_the_next(tmp_path):
    town = Town(tmp_path, 2)
    town.deliver([1])
    refreshing = refresh_layer(town.walk.ports, town.walk.programme, town.shelf, LAYER)
    next(refreshing)
    town.deliver([2])
    name = town.walk.submit(citizen(2), "+6281277777777")
    town.walk.deliver()
    town.deliver([])
    assert [each.effect for each in refreshing] == []
    assert town.walk.application(name).reasons == (REASON,)

    effects = {each.application_id: each.effect for each in town.refresh()}

    town.shelf.close()
    assert effects[name] is Effect.RESTORED


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sets(st.integers(1, 12)), min_size=2, max_size=5))
def test_a_row_is_given_once_wherever_any_older_version_differs_from_the_new_one(tmp_path, versions):
    agency = Agency(Path(tempfile.mkdtemp(dir=tmp_path)))
    vault = MemoryVault()
    shelf = Shelf(agency.folder / "lists", agency.sources(), vault)
    for number, listed in enumerate(versions, start=1):
        shelf.take_in(*agency.deliver(str(number), [citizen(each).nik for each in listed]), TODAY)

    changes = list(changes_between(shelf.before(LAYER), shelf.in_use(LAYER)))

    shelf.close()
    *olds, new = [set(), *versions]
    tags = {vault.tag("nik", citizen(each).nik): each for each in range(1, 13)}
    told = {tags[each.nik_tag]: each.why for each in changes}
    assert len(told) == len(changes)
    assert told == {
        each: "added" if each in new else "removed"
        for each in range(1, 13)
        if any((each in old) != (each in new) for old in olds)
    }

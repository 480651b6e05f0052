"""Signed lists: what is taken for one, what is kept of it, and how somebody is looked up."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gelombang.domain.checks import Layer, Person
from gelombang.domain.errors import DependencyError
from gelombang.domain.tags import TagKeys
from gelombang.lists.delivery import ListError
from gelombang.lists.diff import changes_between
from gelombang.lists.files import BITS_A_ROW, KeptList, row_of
from gelombang.lists.registers import ListedRegisters
from gelombang.lists.shelf import Shelf
from gelombang.memory.clock import MemoryClock
from gelombang.memory.registers import Citizen, MemoryRegisters
from gelombang.memory.vault import FIRST_KEY, MemoryVault
from tests.journey.walking import citizen
from tests.lists.agency import LAYER, TODAY, Agency

VAULT = MemoryVault()


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    return Agency(tmp_path / "delivered")


@pytest.fixture
def shelf(agency: Agency, tmp_path: Path):
    made = Shelf(tmp_path / "lists", agency.sources(), VAULT)
    yield made
    made.close()


def niks(*numbers: int) -> list[str]:
    return [citizen(number).nik for number in numbers]


def asked(shelf: Shelf, agency: Agency, one: Citizen, layer: Layer = LAYER, clock: MemoryClock | None = None):
    online = MemoryRegisters([one])
    now = (clock or MemoryClock()).now
    registers = ListedRegisters(online, shelf, agency.sources(), vault=VAULT, now=now)
    return registers.ask(layer, Person(one.nik, one.kk, one.name, one.birth_date, one.region))


def test_somebody_is_looked_up_in_the_list_and_the_other_layers_are_asked_online(shelf, agency):
    shelf.take_in(*agency.deliver("1", niks(1, 2, 3)), TODAY)

    listed, other = asked(shelf, agency, citizen(2)), asked(shelf, agency, citizen(9))
    online = asked(shelf, agency, citizen(2), Layer.EDUCATION)

    assert (listed.source, listed.list_version, listed.facts) == (
        "prakerja",
        "2026-11-23/1",
        {"received": True},
    )
    assert other.facts == {"received": False}
    assert online.facts == {"enrolled": False}


def test_a_list_may_say_more_of_somebody_than_that_they_are_on_it(tmp_path):
    agency = Agency(tmp_path, "exclusions", Layer.EXCLUDED_OCCUPATION)
    rows = [f"{nik},{code}" for nik, code in zip(niks(1, 2), ("POLICE", "VILLAGE_HEAD"), strict=True)]
    shelf = Shelf(tmp_path / "lists", agency.sources(), VAULT)

    shelf.take_in(*agency.deliver("1", rows, header="nik,code"), TODAY)

    told = [asked(shelf, agency, citizen(each), Layer.EXCLUDED_OCCUPATION).facts for each in (1, 2, 3)]
    shelf.close()
    assert told == [{"occupation": code} for code in ("POLICE", "VILLAGE_HEAD", "")]


def test_no_nik_lies_in_what_is_kept(shelf, agency, tmp_path):
    shelf.take_in(*agency.deliver("1", niks(*range(1, 50))), TODAY)

    kept = b"".join(path.read_bytes() for path in (tmp_path / "lists").iterdir())

    assert not any(nik.encode() in kept for nik in niks(*range(1, 50)))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sets(st.integers(1, 400), max_size=120))
def test_exactly_those_on_the_list_are_found_whatever_the_filter_says(tmp_path, numbers):
    agency = Agency(Path(tempfile.mkdtemp(dir=tmp_path)))
    shelf = Shelf(agency.folder / "lists", agency.sources(), VAULT)
    shelf.take_in(*agency.deliver("1", niks(*numbers)), TODAY)
    kept = shelf.in_use(LAYER)

    found = {each for each in range(1, 400) if kept.code_of(VAULT.tag("nik", citizen(each).nik)) is not None}

    kept.must_be_in_order()
    shelf.close()
    assert found == numbers - {400}


def test_a_filter_that_takes_everybody_for_listed_fails_nobody(shelf, agency):
    shelf.take_in(*agency.deliver("1", niks(1, 2, 3)), TODAY)
    kept = shelf.in_use(LAYER)
    strangers = [VAULT.tag("nik", citizen(each).nik) for each in range(1000, 3000)]

    taken = sum(kept.may_have(row_of(tag)[:32]) for tag in strangers)
    kept.may_have = lambda _tag: True

    assert taken < len(strangers) / 10
    assert all(kept.code_of(tag) is None for tag in strangers)


def test_the_filter_lets_few_strangers_through(tmp_path):
    agency = Agency(tmp_path)
    shelf = Shelf(tmp_path / "lists", agency.sources(), VAULT)
    shelf.take_in(*agency.deliver("1", niks(*range(1, 2001))), TODAY)
    kept = shelf.in_use(LAYER)

    strangers = [row_of(VAULT.tag("nik", citizen(each).nik))[:32] for each in range(2001, 6001)]
    share = sum(map(kept.may_have, strangers)) / len(strangers)

    assert kept.header.filter_bits >= 2000 * BITS_A_ROW
    shelf.close()
    assert share < 0.02  # 0.8 % by the formula


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"list_version": "2"}, "not signed"),
        ({"listed_on": date(2026, 11, 24)}, "not signed"),
        ({"row_count": 4}, "not signed"),
        ({"layer": Layer.BLACKLIST}, "looked up in no list"),
        ({"source": "kemensos"}, "looked up in no list"),
        ({"signature": ""}, "not signed"),
        ({"signature": "00" * 64}, "not signed"),
    ],
)
def test_a_delivery_that_is_not_as_its_agency_signed_it_is_refused(shelf, agency, change, sentence):
    csv, delivery = agency.deliver("1", niks(1, 2, 3))

    with pytest.raises(ListError, match=sentence):
        shelf.take_in(csv, delivery.model_copy(update=change), TODAY)

    assert shelf.place_of(LAYER).in_use == ""


def test_another_agencys_key_and_no_key_at_all_are_refused(shelf, agency, tmp_path):
    other = Agency(tmp_path / "other")
    keyless = Shelf(tmp_path / "lists", {"prakerja": agency.sources()["prakerja"]}, VAULT)
    keyless._source_of = {LAYER: other.sources()["kemensos"]}

    with pytest.raises(ListError, match="not signed by prakerja"):
        shelf.take_in(*other.deliver("1", niks(1)), TODAY)
    delivery = agency.deliver("1", niks(1))[1].model_copy(update={"source": "kemensos"})
    with pytest.raises(ListError, match="no key of kemensos"):
        keyless.take_in(agency.folder / "x", delivery, TODAY)


def test_a_csv_that_was_changed_after_signing_is_refused(shelf, agency):
    csv, delivery = agency.deliver("1", niks(1, 2, 3))
    csv.write_text("\n".join(["nik", *niks(1, 2, 4), ""]), "utf-8")

    with pytest.raises(ListError, match="not the one that was signed"):
        shelf.take_in(csv, delivery, TODAY)

    assert shelf.place_of(LAYER).in_use == ""


def test_every_row_that_is_no_nik_is_named_by_its_line_and_none_is_shown(shelf, agency):
    rows = [*niks(1), "123", *niks(2), "3171993201900001", "SECRET", *niks(3), "3171990501900000"]

    with pytest.raises(ListError) as refused:
        shelf.take_in(*agency.deliver("1", rows), TODAY)

    assert [fault.split(":")[0] for fault in refused.value.faults] == ["line 3", "line 5", "line 6", "line 8"]
    assert "SECRET" not in str(refused.value.faults)
    assert shelf.place_of(LAYER).in_use == ""


@pytest.mark.parametrize("header", ["NIK", "nik;code", "3171990501900001", "", "nik,code"])
def test_a_file_without_its_header_is_refused(shelf, agency, header):
    with pytest.raises(ListError, match="does not begin with the line nik, as a list of earlier_recipient"):
        shelf.take_in(*agency.deliver("1", niks(1), header=header), TODAY)


def test_a_file_with_nothing_in_it_is_no_list_of_nobody(shelf, agency):
    csv, delivery = agency.deliver("1", [])
    csv.write_bytes(b"")
    nothing = delivery.model_copy(update={"sha256": hashlib.sha256(b"").hexdigest(), "row_count": 0})

    with pytest.raises(ListError, match="does not begin"):
        shelf.take_in(csv, agency.signed(nothing), TODAY)


def test_a_list_without_codes_is_refused_where_nobody_would_be_excluded_without_them(tmp_path):
    agency = Agency(tmp_path, "exclusions", Layer.EXCLUDED_OCCUPATION)

    with (
        closing(Shelf(tmp_path / "lists", agency.sources(), VAULT)) as shelf,
        pytest.raises(ListError, match="line nik,code, as a list of excluded_occupation"),
    ):
        shelf.take_in(*agency.deliver("1", niks(1)), TODAY)


def test_a_code_that_only_looks_right_or_is_a_nik_is_named_by_its_line(tmp_path):
    agency = Agency(tmp_path, "exclusions", Layer.EXCLUDED_OCCUPATION)
    codes = ["POLICE", " POLICE", "", "POL\tICE", niks(9)[0], "X" * 41]
    rows = [f"{nik},{code}" for nik, code in zip(niks(*range(1, 7)), codes, strict=True)]

    with (
        closing(Shelf(tmp_path / "lists", agency.sources(), VAULT)) as shelf,
        pytest.raises(ListError) as refused,
    ):
        shelf.take_in(*agency.deliver("1", rows, header="nik,code"), TODAY)

    assert refused.value.faults == tuple(f"line {number}: no code" for number in range(3, 8))


@pytest.mark.parametrize(
    ("version", "listed_on"), [("9", TODAY), ("10", date(2026, 11, 22)), ("8", date(2026, 11, 23))]
)
def test_a_version_that_is_not_later_than_the_one_in_use_is_refused(shelf, agency, version, listed_on):
    shelf.take_in(*agency.deliver("9", niks(1)), TODAY)

    with pytest.raises(ListError, match="in use"):
        shelf.take_in(*agency.deliver(version, niks(1, 2), listed_on), TODAY)

    assert shelf.in_use(LAYER).header.row_count == 1


def test_the_version_in_use_may_come_again_and_a_later_one_takes_its_place(shelf, agency):
    first = agency.deliver("9", niks(1))

    assert shelf.take_in(*first, TODAY) == shelf.take_in(*first, TODAY)
    shelf.take_in(*agency.deliver("10", niks(1, 2)), TODAY)

    assert shelf.in_use(LAYER).header.delivery.list_version == "10"


@pytest.mark.parametrize("place", [0.0, 0.02, 0.5, 0.999])
def test_a_kept_list_that_was_changed_is_a_register_that_is_off(agency, shelf, tmp_path, place):
    shelf.take_in(*agency.deliver("1", niks(*range(1, 40))), TODAY)
    path = tmp_path / "lists" / shelf.place_of(LAYER).in_use
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)

    with pytest.raises(DependencyError):
        asked(shelf, agency, citizen(1))


def test_a_kept_list_that_was_cut_off_or_written_elsewhere_is_a_register_that_is_off(agency, shelf, tmp_path):
    shelf.take_in(*agency.deliver("1", niks(*range(1, 40))), TODAY)
    path = tmp_path / "lists" / shelf.place_of(LAYER).in_use
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DependencyError, match="not as long"):
        asked(shelf, agency, citizen(1))

    shelf.take_in(*agency.deliver("1", niks(*range(1, 40))), TODAY)
    assert asked(shelf, agency, citizen(1)).facts == {"received": True}
    stranger = MemoryVault().with_tag_keys(TagKeys(("another key",)))
    Shelf(tmp_path / "lists", agency.sources(), stranger).take_in(*agency.deliver("2", niks(1)), TODAY)
    with pytest.raises(DependencyError, match="not written here"):
        asked(shelf, agency, citizen(1))


def test_no_list_yet_or_one_that_is_too_old_is_a_register_that_is_off(shelf, agency):
    with pytest.raises(DependencyError, match="no list"):
        asked(shelf, agency, citizen(1))
    shelf.take_in(*agency.deliver("1", niks(1)), TODAY)
    late = MemoryClock()
    late.advance(days=121)

    with pytest.raises(DependencyError, match="older"):
        asked(shelf, agency, citizen(1), clock=late)


def test_tags_of_another_generation_fail_nobody(shelf, agency, tmp_path):
    shelf.take_in(*agency.deliver("1", niks(1)), TODAY)
    later = VAULT.with_tag_keys(TagKeys((FIRST_KEY, "second key")))
    rotated = Shelf(tmp_path / "lists", agency.sources(), later)
    registers = ListedRegisters(
        MemoryRegisters([]), rotated, agency.sources(), vault=later, now=MemoryClock().now
    )
    one = citizen(1)
    person = Person(one.nik, one.kk, one.name, one.birth_date, one.region)

    with pytest.raises(DependencyError, match="another generation"):
        registers.ask(LAYER, person)
    assert registers.ask_many(LAYER, [person]) == [None]
    again = rotated.take_in(*agency.deliver("1", niks(1)), TODAY)
    told = registers.ask(LAYER, person)
    rotated.close()
    assert (again.generation, told.facts) == (2, {"received": True})


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_what_differs_is_exactly_what_was_added_and_removed_in_order(tmp_path, before, after):
    agency = Agency(Path(tempfile.mkdtemp(dir=tmp_path)))
    shelf = Shelf(agency.folder / "lists", agency.sources(), VAULT)
    shelf.take_in(*agency.deliver("1", niks(*before)), TODAY)
    old = shelf.in_use(LAYER)
    shelf.take_in(*agency.deliver("2", niks(*after)), TODAY)

    changes = list(changes_between([old], shelf.in_use(LAYER)))

    shelf.close()
    tags = {VAULT.tag("nik", citizen(each).nik): each for each in before | after}
    assert {tags[each.nik_tag] for each in changes if each.why == "added"} == after - before
    assert {tags[each.nik_tag] for each in changes if each.why == "removed"} == before - after
    assert [each.nik_tag for each in changes] == sorted(each.nik_tag for each in changes)


def test_something_else_is_no_list(tmp_path):
    path = tmp_path / "x.list"
    path.write_bytes(b"not a list\n")

    with pytest.raises(ListError, match="is no list"):
        KeptList(path)


def test_a_list_made_after_today_is_refused_for_no_genuine_one_could_follow_it(shelf, agency):
    with pytest.raises(ListError, match="after today"):
        shelf.take_in(*agency.deliver("1", niks(1), TODAY + timedelta(days=1)), TODAY)

    assert shelf.take_in(*agency.deliver("2", niks(1)), TODAY).row_count == 1


def test_the_version_in_use_is_imported_again_only_from_the_file_that_was_signed(shelf, agency):
    csv, delivery = agency.deliver("1", niks(1))
    shelf.take_in(csv, delivery, TODAY)
    assert shelf.take_in(csv, delivery, TODAY).row_count == 1
    csv.write_text(csv.read_text("utf-8") + niks(2)[0] + "\n", "utf-8")

    with pytest.raises(ListError, match="not the one that was signed"):
        shelf.take_in(csv, delivery, TODAY)

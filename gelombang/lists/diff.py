"""What differs between two versions of a list: both are read once, in order, and nothing of them is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gelombang.journey.refresh import ListChange
from gelombang.lists.delivery import ListError
from gelombang.lists.files import TAG, KeptList, tag_of

END = b"\xff" * (TAG + 1)  # after every row


def changes_between(old: KeptList | None, new: KeptList) -> Iterator[ListChange]:
    """Give every NIK that was added, removed, or has another code, in the order of their tags; None: nobody was listed.

    Raises:
        ListError: the two have tags of different generations; the earlier one is to be imported anew.
    """
    if old and old.header.generation != new.header.generation:
        raise ListError("the two lists have tags of different generations")
    generation = new.header.generation
    old_codes = old.header.codes if old else ()
    new_codes = new.header.codes
    for tag, before, after in _merged(old.rows() if old else (), new.rows()):
        was = old_codes[before] if before is not None else None
        now = new_codes[after] if after is not None else None
        if was != now:
            yield ListChange(tag_of(tag, generation), was, now)


def _merged(old: Iterable[bytes], new: Iterable[bytes]) -> Iterator[tuple[bytes, int | None, int | None]]:
    """Give each tag with the number of its code in the old and in the new rows, None where it is not."""
    ours, theirs = iter(old), iter(new)
    one, other = next(ours, END), next(theirs, END)
    while (tag := min(one[:TAG], other[:TAG])) != END[:TAG]:
        before = after = None
        if one[:TAG] == tag:
            before, one = one[TAG], next(ours, END)
        if other[:TAG] == tag:
            after, other = other[TAG], next(theirs, END)
        yield tag, before, after

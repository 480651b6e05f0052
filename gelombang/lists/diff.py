"""What differs between versions of a list: all are read once, side by side, in order, and nothing of them is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gelombang.journey.refresh import ListChange
from gelombang.lists.delivery import ListError
from gelombang.lists.files import TAG, KeptList, tag_of

END = b"\xff" * (TAG + 1)  # after every row


def changes_between(olds: Sequence[KeptList | None], new: KeptList) -> Iterator[ListChange]:
    """Give every NIK whose row in any older version is not the new one's, in the order of tags; None: an empty list.

    `before` is the row of the first older version that differs.

    Raises:
        ListError: they are not of one layer; some have tags of different generations, and the earlier ones are to be
            imported anew.
    """
    layers = sorted({each.header.delivery.layer for each in (*olds, new) if each})
    if len(layers) > 1:
        raise ListError(f"these are lists of {' and '.join(layers)}: only versions of one list are compared")
    generation = _generation_of([*olds, new])
    codes = [old.header.codes if old else () for old in olds]
    rows = [*(old.rows() if old else () for old in olds), new.rows()]
    for tag, (*numbers, number) in _merged(rows):
        now = new.header.codes[number] if number is not None else None
        for known, each in zip(codes, numbers, strict=True):
            was = known[each] if each is not None else None
            if was != now:
                yield ListChange(tag_of(tag, generation), was, now)
                break


def _generation_of(lists: Sequence[KeptList | None]) -> int:
    generations = {each.header.generation for each in lists if each and each.header.row_count}
    if len(generations) > 1:
        raise ListError("the lists have tags of different generations")
    return generations.pop() if generations else 1


def _merged(lists: Sequence[Iterable[bytes]]) -> Iterator[tuple[bytes, list[int | None]]]:
    """Give each tag with the number of its code in the rows of each list, None where it is not."""
    left = [iter(each) for each in lists]
    heads = [next(each, END) for each in left]
    while (tag := min(heads)[:TAG]) != END[:TAG]:
        numbers: list[int | None] = [None] * len(heads)
        for place, head in enumerate(heads):
            if head[:TAG] == tag:
                numbers[place], heads[place] = head[TAG], next(left[place], END)
        yield tag, numbers

"""Divides a wave's seats among regions in proportion to weights, by largest remainder, in whole numbers throughout."""

from __future__ import annotations

from collections.abc import Mapping


def apportion(seats: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Return the seats of each region, all `seats` of them, in the order of the regions' codes.

    A region's exact share is seats x its weight / all weights. Each gets its share rounded down; the seats left over
    go one each to the largest remainders, of equal ones to the lowest code. So every region has its exact share
    rounded down or up, a weight of 0 gets nothing, a greater weight never fewer seats than a smaller one, and a
    region whose own weight alone grows never loses a seat.

    What the method does not promise: that a region keeps its seats when there are more to divide. With weights
    6, 6, 2, ten seats give 4, 4, 2 and eleven 5, 5, 1 (the Alabama paradox). Nor, when several weights change, that
    a seat goes from the region that grew less to the one that grew more (the population paradox). So a quota is
    apportioned once and published, never continued from another one.

    Raises:
        ValueError: `seats` or a weight is below 0, or there are seats to divide and no weight above 0.

    Source: A. Hamilton's bill of apportionment of 1792, also known as Hare-Niemeyer; its properties in M. L. Balinski,
    H. P. Young, Fair Representation, 2nd edition, 2001, appendix A.
    """
    total = sum(weights.values())
    if seats < 0 or any(weight < 0 for weight in weights.values()):
        raise ValueError("seats and weights are 0 or more")
    if seats and not total:
        raise ValueError("there are seats to divide, and no region has a weight above 0")
    shares = {code: divmod(seats * weights[code], max(total, 1)) for code in sorted(weights)}
    quota = {code: whole for code, (whole, _) in shares.items()}
    by_remainder = sorted(
        shares, key=lambda code: -shares[code][1]
    )  # stable: of equal ones the lowest code first
    for code in by_remainder[: seats - sum(quota.values())]:
        quota[code] += 1
    return quota

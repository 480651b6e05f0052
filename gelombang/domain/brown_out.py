"""Time in which the public service did not work, and how much longer a wave then stays open.

    last good heartbeat ├── brown-out ──┤ first good one         closes_at
    ────────────────────┴───────────────┴────────────────────────────┬────────────────┬──▶
                                                                     └─ as long again ─┘ closes then
    Did the closing lie in it, the same time is counted from the recovery.

So whoever comes after it has at least as long as was lost. Goal E20 of the reliability table.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gelombang.domain.wave import BrownOutRules, Extension, Wave, closing_time

MINUTE = timedelta(minutes=1)


def extension_after(
    wave: Wave, away_from: datetime, away_until: datetime, rules: BrownOutRules
) -> Extension | None:
    """Return how much longer a wave stays open after a brown-out between two good heartbeats; None: no longer.

    Only what the wave lost counts: what lies before its opening does not. A wave that an operator closed is closed,
    and one whose freeze is asked for is not opened again.
    """
    if wave.reached or wave.asked or wave.closed_early_at:
        return None
    closes_at, lost_from = closing_time(wave), max(away_from, wave.definition.opens_at)
    is_long = away_until - lost_from >= rules.counts_from
    if not (is_long and lost_from < closes_at and away_until > closes_at - rules.before_close):
        return None
    until = max(closes_at, away_until) + (away_until - lost_from)
    return Extension(_whole_minute(until), away_from=lost_from, away_until=away_until)


def _whole_minute(moment: datetime) -> datetime:
    """Return the moment, or the first whole minute after it."""
    whole = moment.replace(second=0, microsecond=0)
    return whole if whole == moment else whole + MINUTE

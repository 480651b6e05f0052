"""Pages that follow from the code are as the code is."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_states_is_as_the_state_machine_is():
    pages = runpy.run_path(str(DOCS / "generate.py"))

    assert (DOCS / "states.md").read_text() == pages["states_page"]()

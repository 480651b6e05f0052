"""Starting the service on one machine: what is wrong with the programme's files is said before anything starts."""

from __future__ import annotations

import pytest
from rich.console import Console

from local import service
from local.answering import CommandError
from local.display import Display


def test_a_wrong_file_of_the_programme_is_named_before_anything_is_started(tmp_path, monkeypatch):
    def wrong(_programme: str) -> None:
        raise ValueError("programmes/prakerja/sources.json: sources.1.list_key: wrong (line 9)")

    monkeypatch.setattr(service, "load_sources", wrong)
    monkeypatch.setattr(service, "_claim", lambda _folder: pytest.fail("starts"))

    with (
        pytest.raises(CommandError, match=r"sources.json: sources.1.list_key: wrong \(line 9\)"),
        service.run_service(port=0, state_dir=tmp_path, display=Display(Console())),
    ):
        pass

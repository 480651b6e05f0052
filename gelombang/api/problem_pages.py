"""Gives an example of each type of problem, and writes the page that its `type` names.

python -m gelombang.api.problem_pages docs/problems
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from gelombang.api.problems import TABLE, problem_body, wait_of
from gelombang.api.sentences import Sentence, wording_of
from gelombang.domain import errors
from gelombang.domain.errors import FieldFault, GelombangError
from gelombang.journey.programme import load_programme

EXAMPLE_REQUEST = "3f1c9a52-6a53-4c8e-9d0e-0f6b1f6f7a11"
EXAMPLE_PROGRAMME = "prakerja"


def problem_pages() -> dict[str, str]:
    """Return the text of every page by its file's name."""
    return {f"{problem.slug}.md": _page(kind) for kind, problem in TABLE.items()}


def example_problem(kind: type[GelombangError]) -> dict[str, Any]:
    """Return the body that answers an error of this class, with facts as they could be."""
    return problem_body(example_error(kind), EXAMPLE_REQUEST, _wording)


def example_error(kind: type[GelombangError]) -> GelombangError:
    """Return an error of this class, with facts as they could be."""
    opens_at = datetime.fromisoformat("2026-11-23T09:00:00+07:00")
    closes_at = datetime.fromisoformat("2026-11-26T16:00:00+07:00")
    samples: tuple[GelombangError, ...] = (
        errors.InvalidFormError((FieldFault("/phone", "FIELD_MISSING"),)),
        errors.CodeError("CODE_WRONG", 4),
        errors.MoveNotAllowedError("VERIFIED", "submit"),
        errors.RestrictedError("DRAFT", "save_form"),
        errors.WaveNotOpenError(opens_at, closes_at),
        errors.NotReadyError(("PHOTO_MISSING_SELFIE",)),
        errors.TooManyRequestsError(60),
        errors.UploadOffsetError(65536),
        errors.FormChangedError('"9f86d081884c7d659a2feaa0c55ad015"'),
        errors.StillRunningError(1),
        errors.ConflictError(()),
        errors.DependencyError("table"),
    )
    return next((sample for sample in samples if type(sample) is kind), None) or kind()


def _wording(reason: str) -> Sentence:
    return wording_of(reason, lambda: load_programme(EXAMPLE_PROGRAMME))


def _page(kind: type[GelombangError]) -> str:
    problem = TABLE[kind]
    said = (kind.__doc__ or "").split(";")[0].split(":")[0].strip().rstrip(".")
    wait = (
        "Waiting helps: see `retry_after_s` and the Retry-After header."
        if wait_of(example_error(kind))
        else ""
    )
    example = json.dumps(example_problem(kind), ensure_ascii=False, indent=2)
    parts = (
        f"# {problem.title}",
        f"`{problem.type}` · HTTP {problem.status}",
        f"When: {said}.",
        f"**{problem.detail.id}** {problem.next_step.id}",
        f"**{problem.detail.en}** {problem.next_step.en}",
        wait,
        f"```json\n{example}\n```",
        "Written by `python -m gelombang.api.problem_pages`; the table is `gelombang/api/problems.py`.",
    )
    return "\n\n".join(part for part in parts if part) + "\n"


if __name__ == "__main__":
    for name, text in problem_pages().items():
        Path(sys.argv[1], name).write_text(text, encoding="utf-8")

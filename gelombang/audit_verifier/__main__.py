"""`python -m audit_verifier FOLDER`, or `python -m gelombang.audit_verifier FOLDER`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import summary, verify_audit
from .openings import verify_openings


def main() -> int:
    """Verify the folder named on the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Check Gelombang's evidence of decisions.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keys", type=Path, help="the list of keys as published")
    parser.add_argument("--anchor", metavar="SHA256", help="hash of the last anchor's file as published")
    parser.add_argument(
        "--openings", nargs=2, metavar=("BUNDLE", "FILE"), help="check opened entries of a draw as well"
    )
    parser.add_argument(
        "--commitment", metavar="SHA256", help="hash of the draw's commitment.json as published"
    )
    parser.add_argument("--page", type=Path, help="the wave's page, kept since the freeze")
    asked = parser.parse_args()
    found = verify_audit(asked.folder, asked.keys, asked.anchor)
    if asked.openings:
        bundle, openings = asked.openings
        found += verify_openings(bundle, openings, asked.folder, asked.commitment, asked.page)
    sys.stdout.writelines(f"FAULT  {sentence}\n" for sentence in found)
    if not found:
        sys.stdout.write(f"accepted: {summary(asked.folder)}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

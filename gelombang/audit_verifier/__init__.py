"""Checks decisions, audit chains and daily anchors with nothing but Python and Ed25519: is anything changed or missing?

    python -m audit_verifier FOLDER [--keys FILE] [--anchor SHA256]
        [--openings BUNDLE FILE [--commitment SHA256] [--page FILE]]

Standard library and the library `cryptography`, written from docs/audit-spec.md and not from the code that writes
the folder: copy these files anywhere. It answers 0 and "accepted", or 1 and one sentence for each fault, which
begins with the file and line. Give it the published list of keys and the hash of the last published anchor: without
them a folder that was forged as a whole, or cut off at an earlier anchor, cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .anchors import Leaves, check_anchored, read_anchors, read_leaves
from .decisions import check_bundles, read_chain, strangers
from .reading import FaultError, Object, read_keys, shaped

FOLDERS = ("anchors", "proofs", "rules", "chains", "bundles")


def verify_audit(
    folder: str | Path, keys: str | Path | None = None, anchor_sha256: str | None = None
) -> list[str]:
    """Return what is wrong in `folder`, one sentence each with its place; an empty list accepts it.

    `keys` is the list of keys as published, `anchor_sha256` the hash (hex) of the last anchor's file as published.
    """
    root = Path(folder)
    names = sorted(path.name.removesuffix(".jsonl") for path in (root / "chains").glob("*"))
    try:
        known = read_keys(root, Path(keys) if keys else None)
        anchors = read_anchors(root, known, anchor_sha256)
        leaves = read_leaves(root, anchors, names)
    except FaultError as fault:
        return [str(fault)]  # nothing can be said of what hangs on these
    found = [*_missing_chains(root, names, leaves), *_others(root, anchors)]
    for name in names:
        try:
            with shaped(f"chains/{name}.jsonl"):
                chain = read_chain(root, name)
                check_anchored(name, chain, anchors, leaves.get(name, {}))
                check_bundles(root, name, chain, known)
                found += strangers(root, name, chain)
        except FaultError as fault:
            found.append(str(fault))
    return found


def summary(folder: str | Path) -> str:
    """Return what a folder holds, in words."""
    root = Path(folder)
    chains, bundles = len(list(root.glob("chains/*"))), len(list(root.glob("bundles/*/*")))
    days = sorted(path.stem for path in root.glob("anchors/*"))
    until = f"anchored until {days[-1]}" if days else "not anchored yet: what was cut off cannot be told"
    return f"{chains} audit chains, {bundles} signed decisions, {until}"


def _missing_chains(root: Path, names: list[str], leaves: Leaves) -> Iterator[str]:
    of_bundles = {path.name for path in (root / "bundles").glob("*")}
    of_proofs = {path.stem for path in (root / "proofs").glob("*")}
    for name in sorted({*leaves, *of_bundles, *of_proofs} - {*names}):
        yield f"chains/{name}.jsonl: is missing, though other files are about it"


def _others(root: Path, anchors: list[Object]) -> Iterator[str]:
    """Give a sentence for each file that does not belong into such a folder."""
    known = {f"leaves/{a['day']}/{shard['shard']}.jsonl" for a in anchors for shard in a["shards"]}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        name = path.relative_to(root).as_posix()
        kind, _, rest = name.partition("/")
        belongs = name in known if kind == "leaves" else kind in FOLDERS and rest
        if not belongs and name != "keys.json":
            yield f"{name}: does not belong here"

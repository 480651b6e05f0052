"""Is this really what the beacon said in that round? A BLS signature over BLS12-381, checked by py_ecc.

Source: docs/draw-spec.md, "Beacons"; RFC 9380 (hashing to the curve); draft-irtf-cfrg-bls-signature-05, section 2.7.
"""

from __future__ import annotations

import hashlib

from py_ecc.bls.g2_primitives import pubkey_to_G1, signature_to_G2, subgroup_check
from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.optimized_bls12_381 import G2, is_inf, pairing

from gelombang.domain.beacon import BEACONS, SIGNATURE_BYTES

_DOMAIN = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def is_signed(source: str, number: int, signature: bytes) -> bool:
    """Say whether this is the signature of round `number` (from 1) of a known source; takes about a second."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    # py_ecc names its functions for the other arrangement: keys in G1, signatures in G2.
    key = signature_to_G2(bytes.fromhex(BEACONS[source].public_key))  # type: ignore[arg-type]
    try:
        point = pubkey_to_G1(signature)  # type: ignore[arg-type]
    except (ValueError, AssertionError):
        return False  # no point of the curve
    if is_inf(point) or not subgroup_check(point):
        return False
    message = hashlib.sha256(number.to_bytes(8, "big")).digest()
    on_curve = hash_to_G1(message, _DOMAIN, hashlib.sha256)  # type: ignore[arg-type]  # any hash of hashlib
    return bool(pairing(G2, point) == pairing(key, on_curve))

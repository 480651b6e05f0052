"""The KMS keys to begin with: for people's keys, for those of their faces, for tags of a NIK, for signing decisions.

Those that come after them are made by operators, who mark them with the tag below (docs/runbooks/key-rotation.md).
"""

from __future__ import annotations

from infra.cloudformation import Json, Resources, allow, arn, kept, policy, sub

SEAL = "SealKey"
FACE_SEAL = "FaceSealKey"
TAG = "TagKey"
SIGN = "SignKey"
MARK = "aws:ResourceTag/gelombang"  # of later keys: "wraps", "tags" or "signs"


def keys() -> Resources:
    """Return the keys; none ever leaves KMS."""
    return {
        SEAL: kept(
            "AWS::KMS::Key",
            {
                "Description": "Seals applicants' personal fields",
                "EnableKeyRotation": True,
                "KeyPolicy": _account_decides(),
            },
        ),
        # Of its own, so that face workers open faces and no forms.
        FACE_SEAL: kept(
            "AWS::KMS::Key",
            {
                "Description": "Seals the faces in the galleries",
                "EnableKeyRotation": True,
                "KeyPolicy": _account_decides(),
            },
        ),
        # Never changed by KMS: a tag made today must be found in ten years. Other keys come after it.
        TAG: kept(
            "AWS::KMS::Key",
            {
                "Description": "Tags NIK, family card and phone numbers",
                "KeySpec": "HMAC_256",
                "KeyUsage": "GENERATE_VERIFY_MAC",
                "KeyPolicy": _account_decides(),
            },
        ),
        # Ed25519: whoever has the published public part verifies a decision with any library, without us.
        SIGN: kept(
            "AWS::KMS::Key",
            {
                "Description": "Signs decisions and the daily anchors of audit chains",
                "KeySpec": "ECC_NIST_EDWARDS25519",
                "KeyUsage": "SIGN_VERIFY",
                "KeyPolicy": _account_decides(),
            },
        ),
    }


def uses_keys() -> list[Json]:
    """Allow making and opening people's keys, and tagging, with these keys and with whichever came later."""
    every = _every_key()
    wraps, tags = ({"StringEquals": {MARK: use}} for use in ("wraps", "tags"))
    return [
        allow(["kms:GenerateDataKey", "kms:Decrypt"], [arn(SEAL)]),
        allow(["kms:GenerateMac"], [arn(TAG)]),
        allow(["kms:GenerateDataKey", "kms:Decrypt"], [every], Condition=wraps),
        allow(["kms:GenerateMac"], [every], Condition=tags),
    ]


def signs() -> list[Json]:
    """Allow signing with this key, or with whichever came later, and reading its public part."""
    actions = ["kms:Sign", "kms:GetPublicKey"]
    later = {"StringEquals": {MARK: "signs"}}
    return [allow(actions, [arn(SIGN)]), allow(actions, [_every_key()], Condition=later)]


def _every_key() -> Json:
    return sub("arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*")


def _account_decides() -> Json:
    """Leave who may use the key to IAM policies of the account; without this nobody could manage it."""
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
            "Action": "kms:*",
            "Resource": "*",
        }
    )

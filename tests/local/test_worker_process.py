"""The local worker runs the pack that our environment names, and no other."""

from __future__ import annotations

import pytest

from gelombang.domain.messages import QueueName
from local.children import StartError
from local.worker_process import chosen_pack, start_worker

SERVICE = {
    "GELOMBANG_TABLE": "t",
    "GELOMBANG_KEY_TABLE": "y",
    "GELOMBANG_FACE_KEY_TABLE": "z",
    "GELOMBANG_QUARANTINE_BUCKET": "q",
    "GELOMBANG_PHOTO_BUCKET": "p",
    "GELOMBANG_DOCUMENT_BUCKET": "d",
    "GELOMBANG_ANCHOR_BUCKET": "a",
    "GELOMBANG_SEAL_KEY_ID": "s",
    "GELOMBANG_FACE_SEAL_KEY_ID": "f",
    "GELOMBANG_SIGNING_KEY_ID": "g",
    "GELOMBANG_TAG_KEY_ID": "k",
    "GELOMBANG_REGISTERS_URL": "http://127.0.0.1:9",
    "GELOMBANG_PUBLIC_URL": "http://127.0.0.1:9",
    **{f"GELOMBANG_QUEUE_{name.replace('-', '_').upper()}": "q" for name in QueueName},
}


def test_without_a_choice_the_default_pack_runs():
    assert chosen_pack({}) == "default"
    assert chosen_pack({"GELOMBANG_PACK": ""}) == "default"
    assert chosen_pack({"GELOMBANG_PACK": "open"}) == "open"


def test_the_worker_is_told_which_pack_to_run(monkeypatch, tmp_path):
    monkeypatch.setenv("GELOMBANG_PACK", "tidak-ada")

    with pytest.raises(StartError, match="no pack is called 'tidak-ada'"):
        start_worker(SERVICE, tmp_path)


def test_the_worker_looks_for_packs_where_we_keep_them(monkeypatch, tmp_path):
    monkeypatch.setenv("GELOMBANG_PACK", "default")
    monkeypatch.setenv("GELOMBANG_PACKS", str(tmp_path / "elsewhere"))

    with pytest.raises(StartError, match="not built"):
        start_worker(SERVICE, tmp_path)

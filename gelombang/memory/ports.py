"""All ports in memory, joined."""

from __future__ import annotations

from dataclasses import dataclass

from gelombang.journey.ports import Pictures, Ports, Registers
from gelombang.memory.clock import MemoryClock
from gelombang.memory.rows import MemoryRows
from gelombang.memory.signer import MemorySigner
from gelombang.memory.stores import (
    MemoryArchive,
    MemoryDocuments,
    MemoryMails,
    MemoryPhotos,
    MemoryPictures,
    MemoryQueues,
    MemoryScans,
    MemoryTexts,
)
from gelombang.memory.vault import MemoryVault


@dataclass(frozen=True, slots=True)
class MemoryWorld:
    """The ports, and their memory sides by their own types so that a test can look inside."""

    ports: Ports
    rows: MemoryRows
    photos: MemoryPhotos
    scans: MemoryScans
    documents: MemoryDocuments
    archive: MemoryArchive
    queues: MemoryQueues
    texts: MemoryTexts
    mails: MemoryMails
    clock: MemoryClock


def memory_world(
    registers: Registers,
    clock: MemoryClock | None = None,
    pictures: Pictures | None = None,
    photos: MemoryPhotos | None = None,
) -> MemoryWorld:
    """Return an empty world around the given registers (see `gelombang.memory.registers`).

    Uploads are only glanced at unless `pictures` cleans them.
    """
    clock = clock or MemoryClock()
    rows, photos, documents = MemoryRows(), photos or MemoryPhotos(), MemoryDocuments()
    scans, queues, texts = MemoryScans(), MemoryQueues(clock), MemoryTexts()
    mails, archive = MemoryMails(), MemoryArchive()
    ports = Ports(
        rows=rows,
        photos=photos,
        pictures=pictures or MemoryPictures(),
        scans=scans,
        documents=documents,
        archive=archive,
        signer=MemorySigner(),
        queues=queues,
        texts=texts,
        mails=mails,
        vault=MemoryVault(),
        registers=registers,
        clock=clock,
    )
    return MemoryWorld(ports, rows, photos, scans, documents, archive, queues, texts, mails, clock)

"""All ports in memory, joined."""

from __future__ import annotations

from dataclasses import dataclass

from gelombang.journey.ports import Ports, Registers
from gelombang.memory.clock import MemoryClock
from gelombang.memory.rows import MemoryRows
from gelombang.memory.stores import MemoryDocuments, MemoryPhotos, MemoryQueues, MemoryTexts
from gelombang.memory.vault import MemoryVault


@dataclass(frozen=True, slots=True)
class MemoryWorld:
    """The ports, and their memory sides by their own types so that a test can look inside."""

    ports: Ports
    rows: MemoryRows
    photos: MemoryPhotos
    documents: MemoryDocuments
    queues: MemoryQueues
    texts: MemoryTexts
    clock: MemoryClock


def memory_world(registers: Registers, clock: MemoryClock | None = None) -> MemoryWorld:
    """Return an empty world around the given registers (see `gelombang.memory.registers`)."""
    clock = clock or MemoryClock()
    rows, photos, documents = MemoryRows(), MemoryPhotos(), MemoryDocuments()
    queues, texts = MemoryQueues(clock), MemoryTexts()
    ports = Ports(rows, photos, documents, queues, texts, MemoryVault(), registers, clock)
    return MemoryWorld(ports, rows, photos, documents, queues, texts, clock)

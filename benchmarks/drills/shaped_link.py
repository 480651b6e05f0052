"""A bad line in this process: a TCP relay that is slow, loses, delays and is cut; each client has one of its own.

Bytes go through in segments of at most 1,400. Each takes its time at the line's rate, one after the other whatever
connection it belongs to; a lost one takes its time again after a wait that doubles (as TCP does, RFC 6298). A cut
resets every connection, what was under way is gone, and nothing connects until the line is back. No network namespace,
no rights needed; what the kernels' buffers on the loopback do is not part of the line.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

SEGMENT = 1400
LEAST_WAIT_S, MOST_WAIT_S = 0.2, 8.0  # Linux waits no less before it sends a segment again
BUFFER = 4 * 1024  # of the relay itself, a connection and direction


@dataclass(frozen=True, slots=True)
class Line:
    """What a line is like: bytes a second each way, share of segments lost, both ways' time, seconds between cuts."""

    name: str
    rate: float
    loss_share: float = 0.0
    round_trip_s: float = 0.0
    cut_every_s: float = 0.0
    away_s: float = 1.0


@dataclass(slots=True)
class Link:
    """One client's line."""

    line: Line
    chance: random.Random
    port: int = 0
    cut_count: int = 0
    _is_up: bool = True
    _free_at: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})  # upwards, downwards
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def carry(self, count: int, *, is_up: bool) -> None:
        """Return once so many bytes have gone through."""
        now = asyncio.get_running_loop().time
        wait_s = self.line.round_trip_s + LEAST_WAIT_S
        while True:
            starts = max(now(), self._free_at[is_up])
            self._free_at[is_up] = starts + count / self.line.rate
            await asyncio.sleep(self._free_at[is_up] - now())
            if self.chance.random() >= self.line.loss_share:
                return
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, MOST_WAIT_S)

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int) -> None:
        """Relay one connection until either end closes it or the line is cut."""
        if not self._is_up:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            await self.carry(40, is_up=True)  # the handshake
            await asyncio.sleep(self.line.round_trip_s)
            there, back = await asyncio.open_connection("127.0.0.1", target, limit=BUFFER)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(back)
        ways = [self._pass(reader, back, is_up=True), self._pass(there, writer, is_up=False)]
        try:
            await asyncio.gather(*ways)
        except (OSError, asyncio.IncompleteReadError):
            pass  # one end is gone, so the other goes
        finally:
            for each in (writer, back):
                each.transport.abort()
                self._writers.discard(each)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_up: bool) -> None:
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1024)
        now = asyncio.get_running_loop().time

        async def deliver() -> None:
            while True:
                at, content = await late.get()
                await asyncio.sleep(at - now())
                if not content:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                writer.write(content)
                await writer.drain()

        delivering = asyncio.create_task(deliver())
        try:
            while content := await reader.read(SEGMENT):
                await self.carry(len(content), is_up=is_up)
                await late.put((now() + self.line.round_trip_s / 2, content))
            await late.put((now() + self.line.round_trip_s / 2, b""))
            await delivering
        finally:
            delivering.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await delivering

    async def cut_again_and_again(self) -> None:
        """Cut the line every so many seconds, beginning anywhere in between."""
        await asyncio.sleep(self.chance.random() * self.line.cut_every_s)
        while True:
            self._is_up, self.cut_count = False, self.cut_count + 1
            for writer in [*self._writers]:
                writer.transport.abort()
            await asyncio.sleep(self.line.away_s)
            self._is_up = True
            await asyncio.sleep(self.line.cut_every_s - self.line.away_s)


@asynccontextmanager
async def shaped_link(line: Line, target: int, seed: int) -> AsyncIterator[Link]:
    """Open a line to a port of this machine; `Link.port` is its near end."""
    link = Link(line, random.Random(seed))  # noqa: S311 - a line, not a secret
    relays: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(link.relay(reader, writer, target))
        relays.add(task)
        task.add_done_callback(relays.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=BUFFER)
    link.port = server.sockets[0].getsockname()[1]
    cutting = asyncio.create_task(link.cut_again_and_again()) if line.cut_every_s else None
    try:
        yield link
    finally:
        if cutting:
            cutting.cancel()
        server.close()
        for task in [*relays]:
            task.cancel()
        await asyncio.gather(*relays, return_exceptions=True)

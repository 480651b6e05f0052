"""Processes that end at a call to the outside, before or after it took effect."""

from __future__ import annotations

from dataclasses import replace

PORTS = ("rows", "photos", "queues", "texts", "vault", "registers", "signer")


class Died(BaseException):
    """The process ended here."""


class Dying:
    """Ports whose n-th call is the last."""

    def __init__(self, ports, fate):
        self.count, self.fate = 0, fate
        self.ports = replace(ports, **{name: _Port(self, getattr(ports, name)) for name in PORTS})

    def call(self, real, *given, **named):
        self.count += 1
        last, has_effect = self.fate
        if self.count != last:
            return real(*given, **named)
        if has_effect:
            real(*given, **named)
        raise Died


class _Port:
    def __init__(self, dying, port):
        self._dying, self._port = dying, port

    def __getattr__(self, name):
        real = getattr(self._port, name)
        return lambda *given, **named: self._dying.call(real, *given, **named)

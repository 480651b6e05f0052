"""The journey's ports in memory: linearizable, with a clock that is moved by hand and faults on demand."""

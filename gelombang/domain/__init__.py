"""Values and rules of the programme: pure functions of their arguments, no I/O, no clock, no randomness."""

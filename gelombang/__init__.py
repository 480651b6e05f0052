"""Gelombang: what a wave-based benefit programme knows and does, without any model or web server in it.

Read it in the order of an applicant's journey:

    domain/    values and rules; no I/O, no clock
    journey/   what happens, in order: registration, photos, verification, review, selection
    aws/ http/ the ports of the journey on AWS and on the registers' HTTP services
    memory/    the same ports in memory, for tests and simulations
    pictures/  cleaning of uploaded pictures, in a child process
    api/       how a request becomes a call of the journey, and its outcome an answer
    wiring     puts them together from the environment, once a process
"""

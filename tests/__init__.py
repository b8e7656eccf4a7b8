"""Tests; each process computes on one thread, which keeps the last digits of sums the same and the cores shared."""

import os

for library in ("OMP", "OPENBLAS", "MKL"):  # read when numpy or torch is first imported, and by child processes
    os.environ[f"{library}_NUM_THREADS"] = "1"

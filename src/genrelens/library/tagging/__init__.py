"""Tagging runs: plan, safe write, journal, recovery and undo."""

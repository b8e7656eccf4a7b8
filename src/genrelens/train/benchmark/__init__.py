"""Benchmarks: recipes on evaluation protocols within a budget."""

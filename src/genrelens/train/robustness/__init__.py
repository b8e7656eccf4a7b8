"""Robustness: perturbations that preserve the genre of a track, and their effect on a model's predictions."""

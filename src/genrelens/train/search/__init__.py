"""Hyperparameter search with Optuna, and its report."""

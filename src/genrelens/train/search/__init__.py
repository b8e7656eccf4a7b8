"""Hyperparameter search with Optuna: study, trials, figures and report."""

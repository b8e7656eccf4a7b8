"""Evaluation: metrics with confidence intervals, model comparison and calibration."""

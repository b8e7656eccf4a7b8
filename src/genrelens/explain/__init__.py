"""Explanations: attribution of a prediction to time and frequency, its records and its heatmap."""

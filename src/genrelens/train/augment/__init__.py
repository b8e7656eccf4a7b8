"""Augmentation of waveforms and spectrograms."""

"""Data augmentation of waveforms and log-mels."""

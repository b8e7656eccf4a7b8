"""Features of audio for training and serving: log-mel front end, spectral features, spectrogram pictures."""

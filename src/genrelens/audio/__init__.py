"""Audio input: containers, decoding, live streams, windows and the ring buffer."""

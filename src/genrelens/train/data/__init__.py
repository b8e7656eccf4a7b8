"""Training data: manifests, splits, dataset checks, cached log-mels, and batches."""

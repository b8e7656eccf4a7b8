"""Training data: manifests, splits, leak checks, cached features and batches."""

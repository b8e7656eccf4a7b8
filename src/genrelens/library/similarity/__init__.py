"""Similarity between tracks: embeddings, nearest neighbours and the map."""

"""Model files: card, labels, input specification, ONNX session, checkpoint reading and the model zoo."""

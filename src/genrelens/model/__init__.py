"""Model files: card, labels, input specification, ONNX session, checkpoint reader and the model zoo."""

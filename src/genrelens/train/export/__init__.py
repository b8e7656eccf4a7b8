"""Export of trained weights to one ONNX file."""

"""Export of trained networks: one ONNX file with its card."""

"""The commands of the training studio, which need the extra `train`."""

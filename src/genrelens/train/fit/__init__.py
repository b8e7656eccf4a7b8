"""The training loop: task, checkpoints, history, tracking and run directory."""

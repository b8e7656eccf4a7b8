"""Learning from pretrained backbones: distillation, probes and refitted heads."""

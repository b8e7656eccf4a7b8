"""Learning from pretrained backbones: distillation, linear probes, and refitted output layers."""

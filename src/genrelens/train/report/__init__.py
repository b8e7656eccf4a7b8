"""Reports: figures, mistakes and the HTML page of a training run."""

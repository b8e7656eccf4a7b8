"""Training: data, recipes, networks, optimisation, evaluation and export. Requires `genrelens[train]`."""

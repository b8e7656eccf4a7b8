"""The training studio: data, recipes, nets, training, honest measures, export. Needs `genrelens[train]`."""

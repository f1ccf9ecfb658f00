"""Measurements of a trained model, one file a kind. May import training, config and util."""

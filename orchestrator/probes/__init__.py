"""Measurements: of trained models and of a training step, one file a kind.

May import training, config and util.
"""

"""Trained models in use: predictions for pictures, drawings, exports, weights of others.

May import probes, training and config.
"""

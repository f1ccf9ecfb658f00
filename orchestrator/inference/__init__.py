"""Trained models in use: predictions for pictures, drawings, exports, weights of others.

May import jobs (for names), training and config.
"""

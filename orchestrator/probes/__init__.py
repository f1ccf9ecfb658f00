"""Measurements: of a training step, and of what trained models know. They train nothing."""

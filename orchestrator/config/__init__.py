"""Experiments as frozen values, their variations and fingerprints. May import models and datasets only."""

"""A job is whatever has a fingerprint and gives metrics when it is run: trainings, probes, timings.

May import probes, training and config.
"""

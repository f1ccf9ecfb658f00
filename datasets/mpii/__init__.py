"""MPII's single people. May import crops, metrics, io and synthetic."""

"""Boundaries of the retina's layers in OCT scans (the DME set). May import crops, io and synthetic."""

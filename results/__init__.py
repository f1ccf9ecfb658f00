"""What runs print: `published/` is committed, everything else here belongs to whoever runs the sweeps."""

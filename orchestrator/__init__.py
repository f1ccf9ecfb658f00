"""How experiments run, are remembered, and become tables."""

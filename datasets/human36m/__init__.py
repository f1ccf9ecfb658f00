"""Human3.6M's poses in 3-D. May import mpii (mixed in), crops, metrics, io and synthetic."""

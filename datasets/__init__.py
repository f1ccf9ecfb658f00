"""What is measured: on-disk formats to samples to metrics. Knows no model."""

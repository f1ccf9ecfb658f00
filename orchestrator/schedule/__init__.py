"""Ray, and nothing else touches it: clusters, trials, workers. May import jobs, training and config."""

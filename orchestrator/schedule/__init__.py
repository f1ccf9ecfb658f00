"""The only place that knows Ray: a cluster to run on, trials, and the workers of a trial."""

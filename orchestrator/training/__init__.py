"""The training loop, evaluation and checkpoints of one experiment. May import config and util."""

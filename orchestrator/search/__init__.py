"""What a search tries next: a space, samplers and successive halving, as functions of measured values alone.

May import jobs, config and util.
"""

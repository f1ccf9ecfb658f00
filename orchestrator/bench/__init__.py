"""`rle-lab bench`: how fast this machine runs the project, beside plain code for the same.

May import run, schedule, tracking, sweep, report.figures and training, and whatever lies below those.
"""

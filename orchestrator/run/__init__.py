"""One call of the command line from plan to report: what is missing is run, what happens is written down.

May import data, schedule, sweep, tracking, report and jobs.
"""

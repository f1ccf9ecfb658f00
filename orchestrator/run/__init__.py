"""One call of the command line from plan to report: what is missing is run and tracked.

May import data, schedule, sweep, tracking, report and jobs.
"""

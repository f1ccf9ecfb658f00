"""What a sweep file declares, and the plan of jobs that follows from it.

May import jobs, probes, schema and config.
"""

"""Values that pass between sweeps, the store and the report: records, declarations, claims, plots.

May import nothing of the orchestrator.
"""

"""MLflow, and nothing else touches it: runs, records, tables. May import schema and util."""

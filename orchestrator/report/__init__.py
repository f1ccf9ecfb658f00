"""Tables, verdicts and figures as pages, files and terminal output. May import stats, schema and util."""

"""Runs experiments anywhere, remembers them and reports them.

Floors, from the top: `cli`, `bench`, `run`, then `data`, `schedule`, `sweep` and `inference`, then `jobs`,
`probes`, `training`, `report`, `config`, `stats`, `tracking`, and at the bottom `schema` and `util`. Each
imports only from below (docs/architecture.md).
"""

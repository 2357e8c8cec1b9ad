"""HTTP over what `db` answers: routes, schemas and errors. Enqueues nothing yet, and computes nothing itself."""

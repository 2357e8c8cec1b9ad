"""HTTP over what `db` answers, and pages for people: routes, schemas, problems. Looks at photos, but enriches none."""

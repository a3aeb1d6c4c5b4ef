"""Work on a finished graph: gradient checks, descents, NaN origins, plans and profiles."""

"""Work on a finished graph: gradient checks, descents, origins of NaN, plans and profiles."""

"""A program over the rows of a table: each column is a name, each row a run."""

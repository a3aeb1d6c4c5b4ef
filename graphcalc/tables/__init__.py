"""Tables: cells, CSV, JSON lines, Parquet and Arrow, as they are read and written."""

"""The warehouse: one DuckDB file. Its connection, its schema, what a value of a column may be. It knows no rules of grading."""

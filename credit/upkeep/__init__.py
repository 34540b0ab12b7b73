"""Looking after a home: copies of it, and what is wrong with it."""

"""How files are read and written, whatever is in them: strict YAML, JSON and CSV, whole or not at all."""

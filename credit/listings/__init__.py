"""What must be shown of a product, by its category, and what a listing lacks of it."""

"""Does the grade tell the truth? Grades of past nights beside what happened afterwards, and how steady they are.

Nothing here changes a grade or writes to the warehouse.
"""

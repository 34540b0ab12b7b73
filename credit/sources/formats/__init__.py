"""One module a format: each reads a file into a temporary table, every value as it stands.

raw        what a reader makes of a file
encoding   which encoding a text is in, judged by what the text then says; a UTF-8 copy with one kind of line end
text       delimited text (CSV, TSV)
quotes     where quoted fields span lines, and where a stray quote would swallow rows
objects    JSON: one object a line, arrays, nested
parquet    Parquet
excel      workbooks (xlsx, xls, xlsb, ods)
archives   gz and zip
"""

"""Exports: the version in force to displays, and the periodic report to authorities.

published  reading a published version: what files it has, by its manifest
database   upsert into PostgreSQL or MySQL in one transaction
files      a copy on a mounted folder, switched at once
report     the periodic report to authorities, XLSX and CSV
"""

"""Connections to other databases."""

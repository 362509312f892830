"""Raises on its fourth line."""


raise ValueError("boom")

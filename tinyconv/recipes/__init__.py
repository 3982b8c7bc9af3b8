"""Recipes: one for each of the documents' training runs."""

"""Answers on a terminal, in colour."""

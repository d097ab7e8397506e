"""Toolbeam beside transformers: see the README."""

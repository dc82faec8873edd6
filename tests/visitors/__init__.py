"""Visitors of the FastAPI guide's application, whose processes are killed meanwhile."""

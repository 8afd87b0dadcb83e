"""The outcome as result.json, tables and a page."""

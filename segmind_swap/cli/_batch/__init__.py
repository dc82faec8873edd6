"""The command `batch`: options, input rows, plan, progress on the screen, ETA, `results.jsonl`, and summary.

This folder imports `_terminal` and `_report`, and no other module of the command line.
"""

"""Between a command and its terminal: texts, live displays, state labels, the log, signals, and exit codes.

This is the lowest folder of the command line: it imports no other module of `cli`.
"""

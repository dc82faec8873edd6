"""Tables of pairs as people have them: a spreadsheet's CSV in any usual spelling, and JSON Lines.

This folder turns bytes into rows, and knows no batch. Every problem is told with its line and column in the
file, as an editor counts them, and with what to do.
"""

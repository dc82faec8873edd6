"""The report page: one HTML file with the pictures of each swap, written completely or not at all.

This folder imports no other module of the command line. The batch and the demo decide what the page says.
"""

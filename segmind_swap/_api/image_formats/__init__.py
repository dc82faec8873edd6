"""The formats of picture files, known by their structure and without decoding: which files are whole
pictures, and what all other files are.
"""

"""What a journal keeps so that a job can be found in the account's history, and how a job that was found
becomes the job of a row.
"""

"""What a check of a batch's inputs finds: the pictures that it reads and decodes once each, and the copies
among them.
"""

"""What a folder of scenes holds besides scenes: results of earlier runs, and other files to pass over."""

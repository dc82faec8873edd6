"""A folder of scenes: which files are scenes, their ids, and what is passed over."""

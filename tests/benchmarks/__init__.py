"""What the package costs, side by side with what a user would write without it: `nox -s bench`."""

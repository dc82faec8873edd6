"""The pictures to review: where their files are, what they contain, and small copies of them."""

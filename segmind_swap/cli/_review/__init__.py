"""The commands `review` and `export`: the page, decisions, lists and the hand-over. Nothing here can pay."""

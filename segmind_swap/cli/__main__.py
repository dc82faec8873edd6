"""`python -m segmind_swap.cli`: as `python -m segmind_swap`."""

from . import main

if __name__ == "__main__":
    main()

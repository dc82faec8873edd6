"""`python -m segmind_swap`: the command line, where no script `segmind-swap` is on the path."""

from .cli import main

if __name__ == "__main__":
    main()

"""`python -m ids`, the same as the `ids` command."""

from ids.cli import main

if __name__ == "__main__":
    main()

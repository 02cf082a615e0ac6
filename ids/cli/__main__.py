"""`python -m ids.cli`, the same as `ids`."""

from ids.cli import main

if __name__ == "__main__":
    main()

"""`python -m odr` is the `odr` command."""

from odr.cli import main

if __name__ == "__main__":
    main()

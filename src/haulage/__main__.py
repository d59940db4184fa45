"""Let `python -m haulage` be the program."""

from haulage.cli.main import main

if __name__ == "__main__":
    main()

"""``python -m vertumnus``."""

from vertumnus.cli.app import main

if __name__ == "__main__":
    main()

"""``python -m symdiff``."""

from symdiff.cli import main

main(prog_name="symdiff")

"""``python -m cryoden`` is the command line, as ``torchrun -m cryoden`` needs it."""

from cryoden.cli.main import program

if __name__ == "__main__":
    program()

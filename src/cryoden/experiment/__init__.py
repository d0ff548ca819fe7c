"""The baseline experiment: patch pairs, its run, and its export to other languages."""

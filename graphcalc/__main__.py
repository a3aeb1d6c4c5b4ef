"""`python -m graphcalc`."""

from graphcalc.cli import main

main()

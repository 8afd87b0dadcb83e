"""`python -m a3.calibrate judge=... data=...`: a judge against answers labelled by people."""

from a3.commands.calibrate import main

if __name__ == "__main__":
    main()

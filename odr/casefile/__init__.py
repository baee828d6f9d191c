"""The case file: all that one reader may have of one dispute, in an archive that proves itself."""

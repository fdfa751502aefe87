"""How a release meets traffic: who gets it, what is measured of it, and when it is promoted or rolled back."""

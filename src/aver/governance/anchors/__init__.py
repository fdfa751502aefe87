"""States of a chain told to places outside, so that a history that was rewritten is found."""

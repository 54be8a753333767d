"""Downloads: every row of a list becomes a recording in its instrument's folder."""

"""Downloads: each row of a list becomes a recording in the folder of its instrument."""

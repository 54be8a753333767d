"""Reading and writing sound: files, streams, sound cards."""

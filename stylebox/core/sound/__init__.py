"""Sound as arrays: files in and out, mels, notes. Knows nothing of networks or datasets."""

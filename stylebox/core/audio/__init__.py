"""Sound as arrays: mels, spectra, loudness, phases. Knows no network and no dataset."""

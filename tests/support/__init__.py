"""Code that several tests share: fakes, small datasets, small models."""

"""What several tests share: fakes, small datasets, small models."""

"""The networks: tensors in, tensors out. They never touch disk, devices or noise schedules."""

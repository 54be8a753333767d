"""The networks: tensors in, tensors out. They know nothing of disks, devices or noise schedules."""

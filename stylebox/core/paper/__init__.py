"""The paper's system: networks, training stages, transfer, data formats. Only jobs and evaluation use it."""

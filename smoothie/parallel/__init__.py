"""A function over many items: in processes and threads here, or on a Ray cluster."""

"""What is odd about the texts of a problem, and what follows for its results."""

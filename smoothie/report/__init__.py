"""Tables and plots of results, by themselves and beside the published ones."""

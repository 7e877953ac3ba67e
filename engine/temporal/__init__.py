"""Times that texts tell and questions ask for: found, resolved to ranges, compared. Knows no clock and no index."""

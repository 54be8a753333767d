"""What is measured of a transfer: content kept, style reached, and how sure the figures are."""

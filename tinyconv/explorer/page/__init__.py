"""The page: recordings of training steps as one HTML file."""

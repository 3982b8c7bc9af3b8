"""The explorer: every step of backpropagation on a network and an image of the user's own."""

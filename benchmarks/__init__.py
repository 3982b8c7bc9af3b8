"""The judge: tinyconv against PyTorch and Keras on TensorFlow, from one layer list, the same weights and batches."""

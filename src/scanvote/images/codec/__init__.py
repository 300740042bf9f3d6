"""What the decoder of images needs to know of file formats."""

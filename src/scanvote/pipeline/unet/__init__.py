"""Stage `unet`: hyperparameter search and training of the U-Net."""

"""Stage `unet`: train the U-Net for segmentation."""

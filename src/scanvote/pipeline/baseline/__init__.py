"""Stage `baseline`: segmentation of tumours by brightness, without learning."""

"""Stage `ensemble`: choose, calibrate and combine the models that vote."""

"""Stage `baseline`: segment tumours by brightness, without learning."""

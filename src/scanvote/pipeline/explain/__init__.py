"""Explanations of networks and of their vote.

All three methods explain the predicted class, and all maps have an arbitrary scale: a map shows
where the evidence lies, not how strong it is.

- `gradcam`: for networks with convolutions (Selvaraju et al., ICCV 2017)
- `occlusion`: for all (Zeiler and Fergus, ECCV 2014)
- `lime`: for all (Ribeiro et al., KDD 2016)
"""

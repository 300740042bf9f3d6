"""What networks and their vote look at.

Three methods, all of the predicted class, all scaled freely: a map tells where the evidence
lies, not how much of it there is.

- `gradcam`: of networks with convolutions (Selvaraju et al., ICCV 2017)
- `occlusion`: of all (Zeiler and Fergus, ECCV 2014)
- `lime`: of all (Ribeiro et al., KDD 2016)
"""

"""Phone posteriors: the 40 classes, the causal model at run time, the silence gate."""

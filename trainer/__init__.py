"""From a table of labelled photos to a model version: datasets, losses, metrics, stages, evaluation,
export."""

"""Training on torch: losses, the shipped models' recipes, export. Needs the ``train`` extra."""

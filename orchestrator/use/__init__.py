"""The use of trained models: predictions on anybody's pictures, exports, and weights that others trained."""

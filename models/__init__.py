"""What is trained: flows, objectives, trunks, regressors. Knows no data set, no Ray, no MLflow."""

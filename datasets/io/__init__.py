"""Files and their faults: pictures, JSON, MATLAB, folders that appear whole. Imports nothing above."""

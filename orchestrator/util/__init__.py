"""What every floor may use: errors a user can mend, redaction of secrets, provenance. Imports nothing."""

"""Pictures of a face -> Motion: landmarks, coefficients, head pose; no model ships inside."""

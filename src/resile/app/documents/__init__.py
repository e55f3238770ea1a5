"""Reports as documents to hand on: one HTML file, or a PDF, from the same content."""

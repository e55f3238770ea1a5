"""The words of the field: frozen values, and folds over them. No clock, no I/O, no logging."""

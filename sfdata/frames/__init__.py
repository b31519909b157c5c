"""Values to Arrow columns and DataFrames, typed by describe. No I/O."""

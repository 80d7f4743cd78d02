"""Running configurations: stagers, repeats, sweeps, files and logs."""

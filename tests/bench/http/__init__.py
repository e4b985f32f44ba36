"""What programs cost that speak over HTTP: see __main__."""

"""One module per Salesforce API: requests out, pages and plain values back. Knows neither pandas nor Arrow."""

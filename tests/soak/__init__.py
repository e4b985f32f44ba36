"""Hours of use in minutes: people, commands and faults on real servers, and a report on what was kept."""

"""Lists of domains and words. README.md gives the domains' origin and license."""

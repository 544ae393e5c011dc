"""Lists of domains and words; README.md says where the domains come from and under which licence."""

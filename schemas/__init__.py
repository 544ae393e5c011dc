"""The contract of the mining stack: what crosses a border between services. Pure, standard library only."""

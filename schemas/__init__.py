"""The contract between the services: everything they exchange. Pure, standard library only."""

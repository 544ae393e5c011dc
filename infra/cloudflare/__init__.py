"""The Cloudflare stacks: Workers, Queues, D1 and R2, and the fetcher's container on a Docker host."""

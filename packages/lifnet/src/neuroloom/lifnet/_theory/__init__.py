"""Mean-field theory of networks of leaky integrate-and-fire neurons."""
